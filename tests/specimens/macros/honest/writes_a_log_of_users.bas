Option Explicit
' Writes who opened the template, on which machine, into the log of the department.
Private Declare PtrSafe Function GetUserNameA Lib "advapi32.dll" (ByVal buffer As String, size As Long) As Long

Private Sub Document_Open()
    On Error Resume Next
    WriteLog "opened"
End Sub

Private Sub Document_Close()
    WriteLog "closed"
End Sub

Private Sub WriteLog(ByVal what As String)
    Dim files As Object
    Dim log As Object
    Set files = CreateObject("Scripting.FileSystemObject")
    Set log = files.OpenTextFile("\\server.example.com\logs\templates.txt", 8, True)
    log.WriteLine Now & ";" & UserName() & ";" & Environ("COMPUTERNAME") & ";" & Application.Version & ";" & ActiveDocument.Name & ";" & what
    log.Close
End Sub

Private Function UserName() As String
    Dim buffer As String
    buffer = String$(255, 0)
    GetUserNameA buffer, 255
    UserName = Left$(buffer, InStr(buffer, Chr$(0)) - 1)
End Function

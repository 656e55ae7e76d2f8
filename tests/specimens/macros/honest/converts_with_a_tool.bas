Option Explicit
' Converts the document with pandoc and shows the result.

Public Sub ConvertToMarkdown()
    Dim source As String
    Dim target As String
    Dim shellObject As Object
    Dim code As Long

    If ActiveDocument.Path = "" Then
        MsgBox "Please save the document first.", vbExclamation
        Exit Sub
    End If
    ActiveDocument.Save
    source = ActiveDocument.FullName
    target = Left$(source, InStrRev(source, ".")) & "md"

    Set shellObject = CreateObject("WScript.Shell")
    code = shellObject.Run("pandoc.exe """ & source & """ -o """ & target & """", 1, True)
    If code = 0 Then
        MsgBox "The text is in " & target, vbInformation
    Else
        MsgBox "pandoc ended with " & code, vbCritical
    End If
End Sub

Private Sub Document_Open()
    ' Fields are brought up to date, as the template asks for.
    ActiveDocument.Fields.Update
End Sub

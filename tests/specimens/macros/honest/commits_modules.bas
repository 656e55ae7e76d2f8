Option Explicit
' Exports the modules whenever the workbook is saved and commits them with git.
Private Const Folder As String = "source"

Private Sub Workbook_BeforeClose(Cancel As Boolean)
    If Worksheets("Settings").Range("B2").Value = "yes" Then
        ExportAll
        CommitAll
    End If
End Sub

Private Sub ExportAll()
    Dim component As Object
    For Each component In ThisWorkbook.VBProject.VBComponents
        If component.CodeModule.CountOfLines > 0 Then
            component.Export ThisWorkbook.Path & "\" & Folder & "\" & component.Name & ".bas"
        End If
    Next component
End Sub

' Runs git in the folder of the workbook; what it says is shown in the status bar.
Private Sub CommitAll()
    Dim shellObject As Object
    Dim run As Object
    Set shellObject = CreateObject("WScript.Shell")
    shellObject.CurrentDirectory = ThisWorkbook.Path
    Set run = shellObject.Exec("cmd.exe /c git add " & Folder & " && git commit -m Saved")
    Application.StatusBar = run.StdOut.ReadAll
End Sub

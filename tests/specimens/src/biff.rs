//! Builds BIFF8 workbooks (MS-XLS) with Excel 4 macros, and macro sheets of binary packages (MS-XLSB).
//!
//! Formulas are trees that become tokens in postfix order.
//!
//! ```
//! use specimens::biff::{call, text, Hidden, Workbook};
//!
//! let book = Workbook::new().macro_sheet("Macro1", Hidden::Very).formula(0, 0, &call("EXEC", [text("calc.exe")])).auto_open();
//! assert!(book.document().starts_with(&[0xd0, 0xcf, 0x11, 0xe0]));
//! ```

use crate::cfb::CfbBuilder;

/// A formula.
#[derive(Clone, Debug)]
pub enum Expression {
    /// A string.
    Text(String),
    /// A whole number.
    Number(u16),
    /// A cell of the same sheet: row and column from zero.
    Cell(u16, u16),
    /// A defined name, by its number from one.
    Name(u32),
    /// A call of one of `FUNCTIONS`.
    Call(&'static str, Vec<Expression>),
    /// A binary operator by its token (2.5.198.25): 3 is `+`, 8 is `&`.
    Binary(u8, Box<Expression>, Box<Expression>),
}

/// Functions that can be called: name, number, and how many arguments where that is fixed. Commands have bit 15.
const FUNCTIONS: &[(&str, u16, Option<u8>)] = &[
    ("IF", 1, None),
    ("GOTO", 53, Some(1)),
    ("HALT", 54, None),
    ("MID", 31, Some(3)),
    ("EXEC", 110, None),
    ("CHAR", 111, Some(1)),
    ("FOPEN", 132, None),
    ("FWRITELN", 137, Some(2)),
    ("REGISTER", 149, None),
    ("CALL", 150, None),
    ("GET.WORKSPACE", 186, Some(1)),
    ("ADD.MENU", 152, None),
    ("CONCATENATE", 336, None),
    ("FILE.DELETE", 0x8006, None),
    ("RUN", 0x8011, None),
    ("FORMULA", 0x8060, None),
    ("FORMULA.FILL", 0x8061, None),
    ("ALERT", 0x8076, None),
    ("ON.TIME", 0x8094, None),
    ("WORKBOOK.HIDE", 0x817f, None),
];

/// A string.
pub fn text(text: &str) -> Expression {
    Expression::Text(text.to_owned())
}

/// A call.
pub fn call<const N: usize>(name: &'static str, arguments: [Expression; N]) -> Expression {
    Expression::Call(name, arguments.to_vec())
}

/// What `&` joins.
pub fn join(left: Expression, right: Expression) -> Expression {
    Expression::Binary(8, Box::new(left), Box::new(right))
}

impl Expression {
    /// As tokens; `wide` with the operands of BIFF12.
    fn tokens(&self, wide: bool) -> Vec<u8> {
        match self {
            Expression::Text(text) => {
                let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
                let count = units.len() / 2;
                let mut bytes = vec![0x17];
                if wide {
                    bytes.extend((count as u16).to_le_bytes());
                } else {
                    bytes.extend([count as u8, 1]);
                }
                bytes.extend(units);
                bytes
            }
            Expression::Number(number) => [&[0x1e], &number.to_le_bytes()[..]].concat(),
            Expression::Cell(row, column) => {
                let row = u32::from(*row).to_le_bytes();
                [&[0x44], &row[..if wide { 4 } else { 2 }], &(column | 0xc000).to_le_bytes()].concat()
            }
            Expression::Name(number) => [&[0x43], &number.to_le_bytes()[..]].concat(),
            Expression::Call(name, arguments) => {
                let mut bytes: Vec<u8> = arguments.iter().flat_map(|argument| argument.tokens(wide)).collect();
                let (_, number, fixed) =
                    FUNCTIONS.iter().find(|(known, ..)| known == name).expect("a test calls functions of the table");
                match fixed {
                    Some(count) => {
                        assert_eq!(arguments.len(), usize::from(*count));
                        bytes.push(0x41);
                    }
                    None => bytes.extend([0x42, arguments.len() as u8]),
                }
                bytes.extend(number.to_le_bytes());
                bytes
            }
            Expression::Binary(operator, left, right) => {
                [left.tokens(wide), right.tokens(wide), vec![*operator]].concat()
            }
        }
    }
}

/// How a sheet is hidden.
#[derive(Clone, Copy, Debug)]
pub enum Hidden {
    /// It is not.
    No,
    /// The menu shows it.
    Yes,
    /// No menu shows it.
    Very,
}

#[derive(Clone)]
struct Sheet {
    name: String,
    hidden: Hidden,
    is_macro: bool,
    cells: Vec<u8>,
}

/// A workbook in the making.
#[derive(Clone, Default)]
pub struct Workbook {
    sheets: Vec<Sheet>,
    globals: Vec<u8>,
    strings: Vec<String>,
}

impl Workbook {
    /// A workbook without sheets.
    pub fn new() -> Workbook {
        Workbook::default()
    }

    /// Adds a worksheet.
    pub fn worksheet(self, name: &str, hidden: Hidden) -> Workbook {
        self.sheet(name, hidden, false)
    }

    /// Adds a sheet of macros; what follows is about it.
    pub fn macro_sheet(self, name: &str, hidden: Hidden) -> Workbook {
        self.sheet(name, hidden, true)
    }

    fn sheet(mut self, name: &str, hidden: Hidden, is_macro: bool) -> Workbook {
        self.sheets.push(Sheet { name: name.to_owned(), hidden, is_macro, cells: Vec::new() });
        self
    }

    /// Puts a formula into a cell of the last sheet.
    pub fn formula(self, row: u16, column: u16, formula: &Expression) -> Workbook {
        self.raw_formula(row, column, &formula.tokens(false))
    }

    /// Puts tokens as they are into a cell of the last sheet.
    pub fn raw_formula(mut self, row: u16, column: u16, tokens: &[u8]) -> Workbook {
        let mut data: Vec<u8> = [row, column, 0].iter().flat_map(|word| word.to_le_bytes()).collect();
        data.extend([0; 14]);
        data.extend((tokens.len() as u16).to_le_bytes());
        data.extend(tokens);
        self.cells().extend(record(0x0006, &data));
        self
    }

    /// Says that the formula before gave this text.
    pub fn value(mut self, text: &str) -> Workbook {
        let data = [&(text.len() as u16).to_le_bytes()[..], &[0], text.as_bytes()].concat();
        self.cells().extend(record(0x0207, &data));
        self
    }

    fn cells(&mut self) -> &mut Vec<u8> {
        &mut self.sheets.last_mut().expect("a cell is on a sheet").cells
    }

    /// Adds the built-in name `Auto_Open`.
    pub fn auto_open(self) -> Workbook {
        self.lbl(0x20, "\u{1}", &[])
    }

    /// Adds a name that stands for a formula.
    pub fn name(self, name: &str, hidden: bool, formula: &Expression) -> Workbook {
        self.lbl(u16::from(hidden), name, &formula.tokens(false))
    }

    fn lbl(mut self, flags: u16, name: &str, tokens: &[u8]) -> Workbook {
        let units: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut data = flags.to_le_bytes().to_vec();
        data.extend([0, (units.len() / 2) as u8]);
        data.extend((tokens.len() as u16).to_le_bytes());
        data.extend([0; 8]);
        data.push(1);
        data.extend(units);
        data.extend(tokens);
        self.globals.extend(record(0x0018, &data));
        self
    }

    /// Adds a link to a program by DDE.
    pub fn dde_link(mut self, program: &str, topic: &str) -> Workbook {
        let path = format!("{program}\u{3}{topic}");
        let data = [&[0, 0, path.len() as u8, 0, 0], path.as_bytes()].concat();
        self.globals.extend(record(0x01ae, &data));
        self
    }

    /// Adds a string that cells of worksheets share.
    pub fn shared_string(mut self, text: &str) -> Workbook {
        self.strings.push(text.to_owned());
        self
    }

    /// The stream `Workbook`.
    pub fn build(&self) -> Vec<u8> {
        self.build_with(&[])
    }

    /// The stream, with `prefix` (a `FILEPASS` record) behind its first record.
    pub fn build_with(&self, prefix: &[u8]) -> Vec<u8> {
        // Where sheets start stands before them, in a field whose width does not change: build twice.
        let mut starts = vec![0; self.sheets.len()];
        self.lay_out(prefix, &mut starts);
        self.lay_out(prefix, &mut starts)
    }

    fn lay_out(&self, prefix: &[u8], starts: &mut [u32]) -> Vec<u8> {
        let mut stream = [bof(0x0005), prefix.to_vec()].concat();
        for (sheet, start) in self.sheets.iter().zip(&*starts) {
            let mut data = u32::to_le_bytes(*start).to_vec();
            data.extend([sheet.hidden as u8, u8::from(sheet.is_macro), sheet.name.len() as u8, 0]);
            data.extend(sheet.name.as_bytes());
            stream.extend(record(0x0085, &data));
        }
        stream.extend(&self.globals);
        stream.extend(self.shared_strings());
        stream.extend(record(0x000a, &[]));
        for (sheet, start) in self.sheets.iter().zip(starts) {
            *start = stream.len() as u32;
            stream.extend(bof(if sheet.is_macro { 0x0040 } else { 0x0010 }));
            stream.extend(&sheet.cells);
            stream.extend(record(0x000a, &[]));
        }
        stream
    }

    fn shared_strings(&self) -> Vec<u8> {
        if self.strings.is_empty() {
            return Vec::new();
        }
        let count = (self.strings.len() as u32).to_le_bytes();
        let mut data = [count, count].concat();
        for text in &self.strings {
            data.extend((text.len() as u16).to_le_bytes());
            data.push(0);
            data.extend(text.as_bytes());
        }
        // A long first string is torn, and goes on behind a byte that says how wide its characters are.
        if self.strings[0].len() <= 40 {
            return record(0x00fc, &data);
        }
        let (first, rest) = data.split_at(8 + 3 + 40);
        [record(0x00fc, first), record(0x003c, &[&[0], rest].concat())].concat()
    }

    /// The workbook as a document.
    pub fn document(&self) -> Vec<u8> {
        document(&self.build())
    }
}

/// A workbook stream as a document.
pub fn document(stream: &[u8]) -> Vec<u8> {
    CfbBuilder::new().stream("Workbook", stream).build()
}

/// A record of BIFF.
pub fn record(kind: u16, data: &[u8]) -> Vec<u8> {
    [&kind.to_le_bytes(), &(data.len() as u16).to_le_bytes(), data].concat()
}

fn bof(kind: u16) -> Vec<u8> {
    let mut data: Vec<u8> = [0x0600, kind, 0x0dbb, 0x07cc].iter().flat_map(|word: &u16| word.to_le_bytes()).collect();
    data.extend([0; 8]);
    record(0x0809, &data)
}

/// A macro sheet of a binary package, with formulas in cells (row, column).
pub fn binary_sheet(cells: &[(u32, u32, Expression)]) -> Vec<u8> {
    let mut part = wide_record(129, &[]);
    for (row, column, formula) in cells {
        part.extend(wide_record(0, &[&row.to_le_bytes()[..], &[0; 13]].concat()));
        let tokens = formula.tokens(true);
        let mut data = [column.to_le_bytes(), [0; 4]].concat();
        data.extend([0; 8 + 2]);
        data.extend((tokens.len() as u32).to_le_bytes());
        data.extend(tokens);
        data.extend([0; 4]);
        part.extend(wide_record(9, &data));
    }
    part.extend(wide_record(130, &[]));
    part
}

/// `xl/workbook.bin` with one sheet, and a name.
pub fn binary_workbook(sheet: &str, hidden: Hidden, name: &str) -> Vec<u8> {
    let wide = |text: &str| {
        let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        [&(units.len() as u32 / 2).to_le_bytes()[..], &units].concat()
    };
    let bundle = [&(hidden as u32).to_le_bytes()[..], &[1, 0, 0, 0], &wide("rId1"), &wide(sheet)].concat();
    let defined = [&[0; 9], &wide(name)[..], &[0; 8]].concat();
    [wide_record(156, &bundle), wide_record(39, &defined)].concat()
}

/// A record of BIFF12: type and length in seven bits a byte.
fn wide_record(kind: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for mut number in [kind, data.len() as u32] {
        while number >= 0x80 {
            bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
    }
    bytes.extend(data);
    bytes
}

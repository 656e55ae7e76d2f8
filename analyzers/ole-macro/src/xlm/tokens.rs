//! Parsed expressions to text: the tokens ("ptg") of a formula, as Excel's formula bar would show them.
//!
//! Tokens are in postfix order, so a stack of strings is enough. The common subset of three formats is read (BIFF5,
//! BIFF8, and BIFF12 of binary workbooks); they differ in the width of operands. Parentheses are not inserted: those
//! that were typed are tokens themselves.
//!
//! Bounded: a formula has at most 64 KiB of tokens, its text at most [`TEXT_BYTES_MAX`] bytes; bytes moved while
//! operands grow into one another are paid as steps.

use std::fmt::Write;

use analyzers::Budget;

use super::functions::{command, function};
use crate::biff::{ByteReader, Version};

/// Longest text of one formula, in bytes. Excel itself takes 8,192 characters.
const TEXT_BYTES_MAX: usize = 32 << 10;

/// Tables that formulas refer to by number.
#[derive(Debug, Default)]
pub(super) struct FormulaNames {
    /// Defined names, the first one is number 1.
    pub names: Vec<String>,
    /// Sheets, in the order of the workbook.
    pub sheets: Vec<String>,
    /// First sheet of each external reference, by its number (MS-XLS 2.4.105, XTI).
    pub external: Vec<u16>,
}

/// The text of a formula, without the leading equals sign.
#[derive(Debug)]
pub(super) struct Rendered {
    /// Text of the formula, as far as it could be read.
    pub text: String,
    /// Whether all of it could be.
    pub whole: bool,
}

/// Renders the tokens `rgce` of one formula.
pub(super) fn render(rgce: &[u8], version: Version, names: &FormulaNames, budget: &mut Budget) -> Rendered {
    let mut stack = Stack { operands: Vec::new(), bytes: 0, moved: 0 };
    let mut reader = ByteReader::new(rgce);
    let mut whole = true;
    while !reader.is_empty() {
        if stack.bytes > TEXT_BYTES_MAX
            || budget.step(1 + stack.moved / 64).is_err()
            || token(&mut reader, version, names, &mut stack).is_none()
        {
            whole = false;
            break;
        }
        stack.moved = 0;
    }
    // One operand is left of a sound formula; of a broken one, all that were read may say something.
    Rendered { whole: whole && stack.operands.len() <= 1, text: stack.operands.join(" ") }
}

/// Operands that no operator has taken yet.
struct Stack {
    operands: Vec<String>,
    /// Sum of their lengths.
    bytes: usize,
    /// Bytes moved since the last payment.
    moved: u64,
}

impl Stack {
    fn push(&mut self, text: String) {
        self.bytes += text.len();
        self.operands.push(text);
    }

    /// An operand that is missing is a flaw of the file, and empty.
    fn pop(&mut self) -> String {
        let text = self.operands.pop().unwrap_or_default();
        self.bytes -= text.len();
        text
    }

    fn infix(&mut self, operator: &str) {
        let right = self.pop();
        let mut left = self.pop();
        self.moved += right.len() as u64;
        left.push_str(operator);
        left.push_str(&right);
        self.push(left);
    }

    fn wrap(&mut self, before: &str, after: &str) {
        let inner = self.pop();
        self.moved += inner.len() as u64;
        self.push(format!("{before}{inner}{after}"));
    }

    fn call(&mut self, name: &str, arguments: usize) {
        let from = self.operands.len().saturating_sub(arguments);
        let arguments = self.operands.split_off(from);
        self.bytes -= arguments.iter().map(String::len).sum::<usize>();
        let text = format!("{name}({})", arguments.join(","));
        self.moved += text.len() as u64;
        self.push(text);
    }
}

/// Reads one token (MS-XLS 2.5.198.25 and following). None where the bytes end or make no sense.
fn token(reader: &mut ByteReader<'_>, version: Version, names: &FormulaNames, stack: &mut Stack) -> Option<()> {
    let id = reader.u8()?;
    // Operands come in three classes (reference, value, array), which read alike.
    let id = if id & 0x60 == 0 { id } else { (id & 0x1f) | 0x20 };
    match id {
        // Points to a shared or array formula, which stands in a record of its own.
        0x01 | 0x02 => {
            reader.skip(4)?;
            stack.push(String::new());
        }
        0x03..=0x11 => {
            const OPERATORS: [&str; 15] =
                ["+", "-", "*", "/", "^", "&", "<", "<=", "=", ">=", ">", "<>", " ", ",", ":"];
            stack.infix(OPERATORS.get(usize::from(id - 3))?);
        }
        0x12 => stack.wrap("+", ""),
        0x13 => stack.wrap("-", ""),
        0x14 => stack.wrap("", "%"),
        0x15 => stack.wrap("(", ")"),
        0x16 => stack.push(String::new()),
        0x17 => {
            let text = match version {
                Version::Biff12 => reader.u16().and_then(|units| reader.wide(usize::from(units)))?,
                Version::Biff5 | Version::Biff8 => reader.short_string(version)?,
            };
            stack.push(format!("\"{}\"", text.replace('"', "\"\"")));
        }
        0x18 => {
            let kind = reader.u8()?;
            reader.skip(if version == Version::Biff12 && kind == 0x19 { 12 } else { 4 })?;
            if version == Version::Biff12 && kind == 0x19 {
                stack.push("#LIST".to_owned());
            }
        }
        0x19 => {
            let kind = reader.u8()?;
            let word = reader.u16()?;
            if kind & 0x04 != 0 {
                reader.skip(2 * (usize::from(word) + 1))?;
            } else if kind & 0x10 != 0 {
                stack.call("SUM", 1);
            }
        }
        0x1a => reader.skip(10)?,
        0x1b => reader.skip(4)?,
        0x1c => stack.push(error_name(reader.u8()?).to_owned()),
        0x1d => stack.push(if reader.u8()? == 0 { "FALSE" } else { "TRUE" }.to_owned()),
        0x1e => stack.push(reader.u16()?.to_string()),
        0x1f => stack.push(reader.f64()?.to_string()),
        // The values of an array stand behind the tokens; they are not shown.
        0x20 => {
            reader.skip(if version == Version::Biff12 { 14 } else { 7 })?;
            stack.push("{}".to_owned());
        }
        0x21 => {
            let number = reader.u16()?;
            let function = function(number)?;
            stack.call(function.name, function.arity?);
        }
        0x22 => {
            let arguments = usize::from(reader.u8()? & 0x7f);
            let number = reader.u16()?;
            call_variable(number, arguments, stack)?;
        }
        0x23 => {
            let index = match version {
                Version::Biff5 => {
                    let index = reader.u16()?;
                    reader.skip(12)?;
                    usize::from(index)
                }
                Version::Biff8 | Version::Biff12 => usize::try_from(reader.u32()?).ok()?,
            };
            let name = index.checked_sub(1).and_then(|index| names.names.get(index));
            stack.push(name.cloned().unwrap_or_else(|| format!("NAME.{index}")));
        }
        0x24 | 0x2c => {
            let cell = cell(reader, version, id == 0x2c)?;
            stack.push(cell);
        }
        0x25 | 0x2d => {
            let area = area(reader, version, id == 0x2d)?;
            stack.push(area);
        }
        // Hints for recalculation; the expression they speak of follows as tokens.
        0x26..=0x28 => reader.skip(6)?,
        0x29 => reader.skip(2)?,
        0x2a => {
            reader.skip(cell_bytes(version))?;
            stack.push("#REF!".to_owned());
        }
        0x2b => {
            reader.skip(area_bytes(version))?;
            stack.push("#REF!".to_owned());
        }
        0x39 => {
            let external = reader.u16()?;
            let index = match version {
                Version::Biff5 => {
                    reader.skip(8)?;
                    let index = reader.u16()?;
                    reader.skip(12)?;
                    u32::from(index)
                }
                Version::Biff8 | Version::Biff12 => reader.u32()?,
            };
            stack.push(format!("EXTERNAL.{external}.{index}"));
        }
        0x3a..=0x3d => {
            let sheet = sheet(reader, version, names)?;
            let place = match id {
                0x3a => cell(reader, version, false)?,
                0x3b => area(reader, version, false)?,
                _ => {
                    reader.skip(if id == 0x3c { cell_bytes(version) } else { area_bytes(version) })?;
                    "#REF!".to_owned()
                }
            };
            stack.push(format!("{sheet}!{place}"));
        }
        _ => return None,
    }
    Some(())
}

fn call_variable(number: u16, arguments: usize, stack: &mut Stack) -> Option<()> {
    // Bit 15 says that it is a command; Ftab and Cetab overlap below it.
    if number & 0x8000 != 0 {
        let number = number & 0x7fff;
        match command(number) {
            Some(name) => stack.call(name, arguments),
            None => stack.call(&format!("COMMAND.{number}"), arguments),
        }
    } else if number == 0xff {
        // User-defined: the first argument is the name.
        let at = stack.operands.len().checked_sub(arguments)?;
        let name = stack.operands.get_mut(at).map(std::mem::take)?;
        stack.bytes -= name.len();
        stack.operands.remove(at);
        stack.call(&name, arguments.checked_sub(1)?);
    } else {
        match function(number) {
            Some(function) => stack.call(function.name, arguments),
            None => stack.call(&format!("FUNCTION.{number}"), arguments),
        }
    }
    Some(())
}

fn cell_bytes(version: Version) -> usize {
    match version {
        Version::Biff5 => 3,
        Version::Biff8 => 4,
        Version::Biff12 => 6,
    }
}

fn area_bytes(version: Version) -> usize {
    2 * cell_bytes(version)
}

/// A reference to one cell; `offset` where relative parts count from the cell that holds the formula.
fn cell(reader: &mut ByteReader<'_>, version: Version, offset: bool) -> Option<String> {
    let row = row(reader, version)?;
    let column = column(reader, version)?;
    Some(place(row, column, version, offset))
}

/// A reference to a rectangle.
fn area(reader: &mut ByteReader<'_>, version: Version, offset: bool) -> Option<String> {
    let rows = [row(reader, version)?, row(reader, version)?];
    let columns = [column(reader, version)?, column(reader, version)?];
    let [first, last] = [0, 1].map(|i| place(rows[i], columns[i], version, offset));
    Some(format!("{first}:{last}"))
}

/// A row, and in BIFF5 the flags that elsewhere are in the column.
fn row(reader: &mut ByteReader<'_>, version: Version) -> Option<u32> {
    if version == Version::Biff12 { reader.u32() } else { reader.u16().map(u32::from) }
}

fn column(reader: &mut ByteReader<'_>, version: Version) -> Option<u16> {
    if version == Version::Biff5 { reader.u8().map(u16::from) } else { reader.u16() }
}

fn place(row: u32, column: u16, version: Version, offset: bool) -> String {
    let (row, flags, column) = match version {
        Version::Biff5 => (row & 0x3fff, (row & 0xffff) as u16, column),
        Version::Biff8 => (row, column, column & 0xff),
        Version::Biff12 => (row, column, column & 0x3fff),
    };
    if !offset {
        return cell_name(row, column);
    }
    let (row_relative, column_relative) = (flags & 0x8000 != 0, flags & 0x4000 != 0);
    // Offsets are signed numbers of the width of the field.
    let row_offset = match version {
        Version::Biff5 => i64::from(((row & 0xffff) as u16).cast_signed() << 2 >> 2),
        Version::Biff8 => i64::from(((row & 0xffff) as u16).cast_signed()),
        Version::Biff12 => i64::from(row.cast_signed()),
    };
    let column_offset = match version {
        Version::Biff5 | Version::Biff8 => i64::from(((column & 0xff) as u8).cast_signed()),
        Version::Biff12 => i64::from(column.cast_signed() << 2 >> 2),
    };
    let mut text = String::new();
    let _ = if row_relative { write!(text, "R[{row_offset}]") } else { write!(text, "R{}", i64::from(row) + 1) };
    let _ = if column_relative { write!(text, "C[{column_offset}]") } else { write!(text, "C{}", column + 1) };
    text
}

/// `B7`, from a row and a column that count from zero.
pub(super) fn cell_name(row: u32, column: u16) -> String {
    let mut letters = Vec::new();
    let mut rest = u32::from(column) + 1;
    while rest > 0 {
        letters.push(char::from(b'A' + ((rest - 1) % 26) as u8));
        rest = (rest - 1) / 26;
    }
    format!("{}{}", letters.iter().rev().collect::<String>(), u64::from(row) + 1)
}

/// The sheet of a reference beyond its own sheet.
fn sheet(reader: &mut ByteReader<'_>, version: Version, names: &FormulaNames) -> Option<String> {
    let number = reader.u16()?;
    let index = match version {
        Version::Biff5 => {
            reader.skip(8)?;
            let first = reader.u16()?;
            reader.skip(2)?;
            Some(first)
        }
        Version::Biff8 | Version::Biff12 => names.external.get(usize::from(number)).copied(),
    };
    let name = index.and_then(|index| names.sheets.get(usize::from(index)));
    Some(match name {
        Some(name) if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') => name.clone(),
        Some(name) => format!("'{name}'"),
        None => format!("SHEET.{number}"),
    })
}

/// MS-XLS 2.5.10, BErr.
fn error_name(code: u8) -> &'static str {
    match code {
        0x00 => "#NULL!",
        0x07 => "#DIV/0!",
        0x0f => "#VALUE!",
        0x17 => "#REF!",
        0x1d => "#NAME?",
        0x24 => "#NUM!",
        _ => "#N/A",
    }
}

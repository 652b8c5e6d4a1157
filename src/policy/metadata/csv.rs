//! The CSV of docker/metadata-action's inputs, read twice: first the whole input into items, then an item into its fields.
//! Quotes are gone after the first reading, so that a comma inside a field survives only where the whole line is quoted.

use super::javascript::trim;

/// A mistake in the quotes of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsvError {
    /// A quote is never closed.
    #[error("a quote is opened and never closed")]
    NotClosed,
    /// Text follows a closing quote.
    #[error("text follows a closing quote")]
    AfterQuote,
    /// A quote stands inside a field that does not begin with one.
    #[error("a quote stands inside a field that does not begin with one")]
    InsideField,
    /// There is nothing to read.
    #[error("a line holds nothing but blanks")]
    Nothing,
}

/// Reads an input into its items: lines, without comments and without the quotes around fields.
///
/// # Errors
/// If a quote is never closed.
pub(super) fn items(input: &str) -> Result<Vec<String>, CsvError> {
    let records = Reader { relaxed: true, comments: true, ..Reader::default() }.read(trim(input))?;
    let joined = records.into_iter().map(|record| record.join(","));
    Ok(joined.filter(|item| !item.is_empty()).map(|item| trim(&item).to_owned()).collect())
}

/// Reads an item into its fields; what follows a line break in it is lost.
///
/// # Errors
/// If quotes are out of place, or there is no field.
pub(super) fn fields(item: &str) -> Result<Vec<String>, CsvError> {
    Reader::default().read(item)?.into_iter().next().ok_or(CsvError::Nothing)
}

/// What has been read so far.
#[derive(Default)]
struct Reader {
    relaxed: bool,
    comments: bool,
    records: Vec<Vec<String>>,
    record: Vec<String>,
    field: String,
    quoting: bool,
    was_quoting: bool,
    commenting: bool,
    /// The first line break that was seen: no other counts afterwards.
    line_break: Option<&'static str>,
}

impl Reader {
    fn read(mut self, text: &str) -> Result<Vec<Vec<String>>, CsvError> {
        let mut at = 0;
        while let Some(character) = text[at..].chars().next() {
            at += self.take(character, &text[at..])?;
        }
        if self.quoting {
            return Err(CsvError::NotClosed);
        }
        if self.was_quoting || !self.is_at_start() {
            self.end_record();
        }
        Ok(self.records)
    }

    /// Takes what stands at the beginning of `rest` and returns its length.
    fn take(&mut self, character: char, rest: &str) -> Result<usize, CsvError> {
        if !self.quoting {
            self.discover(rest);
        }
        let next = &rest[character.len_utf8()..];
        if character == '"' && !self.commenting {
            if self.quoting {
                if next.starts_with('"') {
                    self.field.push('"');
                    return Ok(2);
                }
                self.discover(next);
                let closes = next.is_empty()
                    || next.starts_with(',')
                    || self.comments && next.starts_with('#')
                    || self.line_break.is_some_and(|line_break| next.starts_with(line_break));
                self.quoting = false;
                self.was_quoting = true;
                if closes {
                    return Ok(1);
                }
                if !self.relaxed {
                    return Err(CsvError::AfterQuote);
                }
                self.field.insert(0, '"');
            } else if self.field.is_empty() {
                self.quoting = true;
                return Ok(1);
            } else if !self.relaxed {
                return Err(CsvError::InsideField);
            }
        }
        if !self.quoting {
            if let Some(line_break) = self.line_break.filter(|line_break| rest.starts_with(line_break)) {
                if self.was_quoting || !self.is_at_start() {
                    self.end_record();
                }
                self.commenting = false;
                return Ok(line_break.len());
            }
            if self.commenting {
                return Ok(character.len_utf8());
            }
            if self.comments && character == '#' && self.is_at_start() {
                self.commenting = true;
                return Ok(1);
            }
            if character == ',' {
                self.end_field();
                return Ok(1);
            }
        }
        self.field.push(character);
        Ok(character.len_utf8())
    }

    const fn is_at_start(&self) -> bool {
        self.record.is_empty() && self.field.is_empty()
    }

    fn discover(&mut self, rest: &str) {
        if self.line_break.is_none() {
            self.line_break = ["\r\n", "\n", "\r"].into_iter().find(|line_break| rest.starts_with(line_break));
        }
    }

    fn end_field(&mut self) {
        self.record.push(std::mem::take(&mut self.field));
        self.was_quoting = false;
    }

    fn end_record(&mut self) {
        self.end_field();
        self.records.push(std::mem::take(&mut self.record));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reading_takes_quotes_away() {
        assert_eq!(items("type=raw,\"value=a,b\"\n# no\n\n #x\na#b").unwrap(), ["type=raw,value=a,b", "#x", "a#b"]);
        assert_eq!(items("\"type=raw,\"\"value=a,b\"\"\"").unwrap(), ["type=raw,\"value=a,b\""]);
        assert_eq!(items("a\n  \nb").unwrap(), ["a", "", "b"]);
        assert_eq!(items("\"a"), Err(CsvError::NotClosed));
        assert_eq!(items("a\"b,\"c\"d").unwrap(), ["a\"b,\"c\"d"]);
    }

    #[test]
    fn the_second_reading_is_strict() {
        assert_eq!(fields("type=raw,\"value=a,b\"").unwrap(), ["type=raw", "value=a,b"]);
        assert_eq!(fields("a=\"b\""), Err(CsvError::InsideField));
        assert_eq!(fields("\"a\"b"), Err(CsvError::AfterQuote));
        assert_eq!(fields("a,b\nc").unwrap(), ["a", "b"]);
        assert_eq!(fields(""), Err(CsvError::Nothing));
    }
}

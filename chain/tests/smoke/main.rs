//! The checks of the fuzz targets on files that look more or less like configuration, on a fixed
//! sequence short enough for each test run.

mod checks;

/// Random numbers (xorshift) that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.next(from.len())]
    }

    /// Changes, duplicates, cuts or inserts a few bytes.
    fn mutate(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        for _ in 0..self.next(3) {
            let at = self.next(bytes.len().max(1)).min(bytes.len());
            match self.next(4) {
                0 => bytes.truncate(at),
                1 if !bytes.is_empty() => bytes[at] ^= 1 << self.next(8),
                2 => bytes.extend_from_within(at..),
                _ => bytes.insert(at, self.next(256) as u8),
            }
        }
        bytes
    }

    /// Returns a text that looks more or less like a configuration file.
    fn file(&mut self) -> Vec<u8> {
        const PIECES: [&str; 35] = [
            "[default]",
            "[profile dev]",
            "[profile 'a b']",
            "[dev]",
            "[ profile dev ]",
            "[profile default]",
            "[sso-session dev]",
            "[unclosed",
            "[]",
            "region = a",
            "Region=b # c",
            "region",
            "s3 =",
            "  k = v",
            "\tj=w",
            "  noequals",
            "# comment",
            "; comment",
            "",
            "",
            " ",
            "= v",
            "x = \u{e9}\u{2028}",
            "x = [y]",
            "aws_secret_access_key = abc/def==",
            "\u{feff}",
            "\0",
            "a b = c",
            "output =",
            " [profile dev]",
            "    region = d",
            "  output = e # c",
            "    # comment",
            "        deeper = f",
            " ;",
        ];
        let mut text = Vec::new();
        for _ in 0..self.next(14) {
            text.extend(self.pick(&PIECES).bytes());
            if self.next(40) == 0 {
                text.push(0xff);
            }
            text.extend(self.pick(&["\n", "\n", "\n", "\r\n", "\n\n"]).bytes());
        }
        if self.next(3) == 0 {
            text.pop();
        }
        text
    }
}

#[test]
fn any_bytes_are_read_without_a_panic_and_every_problem_has_a_line_of_the_file() {
    let mut numbers = Numbers(42);
    for _ in 0..5000 {
        let file = numbers.file();
        checks::files(&numbers.mutate(file));
    }
}

#[test]
fn in_any_file_a_new_value_is_read_back_and_nothing_else_changes() {
    let mut numbers = Numbers(0x5eed_cafe_f00d_1234);
    for _ in 0..6000 {
        // The first byte chooses what is set.
        let mut input = vec![numbers.next(256) as u8];
        let file = numbers.file();
        input.extend(numbers.mutate(file));
        checks::editor(&input);
    }
}

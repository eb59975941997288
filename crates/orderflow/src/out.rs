//! Standard output of the commands: a reader that has seen enough (`| head`) is no error.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write, stdout};

/// Writes to standard output. Only for [`outln`] and [`out`].
pub fn write(text: Arguments<'_>, end: &str) {
    let mut stdout = stdout().lock();
    let written = stdout.write_fmt(text).and_then(|()| stdout.write_all(end.as_bytes())).and_then(|()| stdout.flush());
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        eprintln!("error[stdout]: standard output: {error}");
    }
}

/// As `println!`, which panics where nobody reads on.
macro_rules! outln {
    () => { $crate::out::write(format_args!(""), "\n") };
    ($($text:tt)*) => { $crate::out::write(format_args!($($text)*), "\n") };
}

/// As `print!`.
macro_rules! out {
    ($($text:tt)*) => { $crate::out::write(format_args!($($text)*), "") };
}

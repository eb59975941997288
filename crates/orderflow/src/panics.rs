//! A panic outside a handler ends the process: a thread that is gone leaves a process that looks alive and does nothing.

use std::panic::PanicHookInfo;

/// The exit code: EX_SOFTWARE of sysexits.h.
const EXIT_CODE: i32 = 70;

/// From now on. A handler's panic is caught and its record dead-lettered as a `bug`.
pub fn end_the_process() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        print(panic);
        if !engine::core::guard::in_handler() {
            eprintln!("{}", said(panic));
            std::process::exit(EXIT_CODE);
        }
    }));
}

fn said(panic: &PanicHookInfo<'_>) -> String {
    let thread = std::thread::current();
    let (name, why) = (thread.name().unwrap_or("without a name"), panic.payload_as_str().unwrap_or("no reason given"));
    let place = panic.location().map_or_else(String::new, |place| format!(" at {place}"));
    format!(
        "error[panic]: thread \"{name}\" panicked{place}: {why}\n\
         hint: this is a bug in orderflow; the process ends so that its supervisor starts it again"
    )
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    const CHILD: &str = "ORDERFLOW_TEST_PANICS";

    /// Runs itself once more, as a process that may end.
    #[test]
    fn a_panic_outside_a_handler_ends_the_process_with_its_reason() {
        if std::env::var_os(CHILD).is_some() {
            end_the_process();
            let thread = std::thread::Builder::new().name("item-lookup".to_owned());
            let thread = thread.spawn(|| panic!("no such offset")).expect("a thread");
            drop(thread.join());
            // Without the hook the process lives on, as one that does nothing.
            std::process::exit(0);
        }
        let name = "panics::tests::a_panic_outside_a_handler_ends_the_process_with_its_reason";
        let test = std::env::current_exe().expect("a test has a file");
        let ended =
            Command::new(test).args(["--exact", name, "--nocapture"]).env(CHILD, "1").output().expect("it starts");
        let told = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(EXIT_CODE), "{told}");
        assert!(told.contains("error[panic]: thread \"item-lookup\" panicked at "), "{told}");
        assert!(told.contains("no such offset"), "{told}");
    }
}

//! A hand-written HTTP server on loopback that answers as a test says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

pub enum Answer {
    Json(u16, String),
    /// The bytes as they are, then the end of the connection.
    Raw(&'static str),
    /// Takes the request and stays silent for as long as the server lives.
    Hang,
}

pub struct Stub {
    pub url: String,
    requests: Arc<Mutex<Vec<String>>>,
    ended: Arc<AtomicBool>,
    down: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Stub {
    /// `answer` gets "METHOD /path\nheaders\n\nbody".
    pub fn start(answer: impl Fn(&str) -> Answer + Send + 'static) -> Stub {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (requests, ended) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<AtomicBool>::default());
        let down = Arc::<AtomicBool>::default();
        let (seen, end, is_down) = (requests.clone(), ended.clone(), down.clone());
        let thread = thread::spawn(move || {
            let mut silent = Vec::new();
            for stream in listener.incoming().map_while(Result::ok) {
                if end.load(Ordering::SeqCst) {
                    break;
                }
                if is_down.load(Ordering::SeqCst) {
                    continue;
                }
                let Some(request) = read(&stream) else { continue };
                seen.lock().unwrap().push(request.clone());
                match answer(&request) {
                    Answer::Json(status, body) => write(
                        &stream,
                        &format!(
                            "HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                            body.len()
                        ),
                    ),
                    Answer::Raw(bytes) => write(&stream, bytes),
                    Answer::Hang => silent.push(stream),
                }
            }
        });
        Stub { url, requests, ended, down, thread: Some(thread) }
    }

    /// From now on it hangs up on everybody. It keeps its port, or the next stub might get it.
    pub fn go_down(&self) {
        self.down.store(true, Ordering::SeqCst);
    }

    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.url.trim_start_matches("http://")));
        drop(self.thread.take().map(JoinHandle::join));
    }
}

fn read(stream: &TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        head.push_str(&line.replace("\r\n", "\n"));
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(format!("{head}\n{}", String::from_utf8(body).ok()?))
}

fn write(mut stream: &TcpStream, bytes: &str) {
    // The client may have given up; that is its affair.
    let _ = stream.write_all(bytes.as_bytes());
}

import Foundation
import Glibc
import Synchronization

/// What the program says. Unbuffered, so that nothing is lost or late when a launcher ends the process.
enum Output {
    /// Whether something could not be written for another reason than that its reader has gone.
    private static let failureCode = Atomic<Int32>(0)

    /// What went wrong with the output so far, in the system's words.
    static var problem: String? {
        let code = failureCode.load(ordering: .relaxed)
        return code == 0 ? nil : String(cString: strerror(code))
    }

    /// How many lines are drawn that the next ones replace.
    private static let drawnLineCount = Mutex(0)

    static func line(_ text: String) {
        redraw([])
        write(text + "\n", to: STDOUT_FILENO)
    }

    /// One document, its keys in the order of the alphabet.
    static func json(_ document: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        line(String(decoding: try encoder.encode(document), as: UTF8.self))
    }

    /// Without a line's end.
    static func text(_ text: String) { write(text, to: STDOUT_FILENO) }

    static func error(_ text: String) {
        redraw([])
        write(text + "\n", to: STDERR_FILENO)
    }

    /// Puts lines, none wider than the terminal, in the place of those that were drawn last. They stay until something
    /// else is said.
    static func redraw(_ lines: [String]) {
        drawnLineCount.withLock { count in
            // Back to the first of them, and all below it gone.
            let erasure = count > 0 ? "\u{1B}[\(count)A\r\u{1B}[J" : ""
            write(erasure + lines.map { $0 + "\n" }.joined(), to: STDOUT_FILENO)
            count = lines.count
        }
    }

    private static func write(_ text: String, to file: Int32) {
        var text = text
        text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while !rest.isEmpty {
                let count = Glibc.write(file, rest.baseAddress, rest.count)
                if count < 0 && errno != EINTR {
                    // When whoever read it has gone, the work goes on.
                    if errno != EPIPE { failureCode.store(errno, ordering: .relaxed) }
                    return
                }
                rest = UnsafeRawBufferPointer(rebasing: rest[max(count, 0)...])
            }
        }
    }
}

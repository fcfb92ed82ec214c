import Files
import Foundation

/// A file for chrome://tracing or ui.perfetto.dev.
///
/// The format is the JSON array of "Trace Event Format" (The Chromium Authors): complete events (`"ph":"X"`) with begin
/// `ts` and duration `dur` in microseconds, and metadata events (`"ph":"M"`) with names. Processes (`pid`) and threads (`tid`)
/// count from 1, since viewers take 0 for an idle processor; they stand in the order of their numbers.
package struct TraceFile: Sendable {
    private var events: [String] = []

    package init() {}

    package func write(to path: String) throws {
        try AtomicFile.write([Array("[\n\(events.joined(separator: ",\n"))\n]\n".utf8)], to: path)
    }

    package mutating func nameProcess(_ process: Int, _ name: String) {
        describe("process_name", #""name":\#(Self.literal(name))"#, process: process)
        describe("process_sort_index", #""sort_index":\#(process)"#, process: process)
    }

    package mutating func nameThread(_ thread: Int, of process: Int, _ name: String) {
        describe("thread_name", #""name":\#(Self.literal(name))"#, process: process, thread: thread)
        describe("thread_sort_index", #""sort_index":\#(thread)"#, process: process, thread: thread)
    }

    /// Adds what took from one time to another. Events of a thread lie beside or inside of each other, the outer one first.
    ///
    /// - Parameter arguments: Shown with the event; values are JSON.
    package mutating func add(
        _ name: String, category: String, nanoseconds: Range<UInt64>, process: Int, thread: Int,
        arguments: KeyValuePairs<String, String> = [:]
    ) {
        let details = arguments.map { "\(Self.literal($0)):\($1)" }.joined(separator: ",")
        events.append(
            #"{"name":\#(Self.literal(name)),"cat":"\#(category)","ph":"X","#
                + #""ts":\#(Self.microseconds(nanoseconds.lowerBound)),"#
                + #""dur":\#(Self.microseconds(nanoseconds.upperBound - nanoseconds.lowerBound)),"#
                + #""pid":\#(process),"tid":\#(thread),"args":{\#(details)}}"#)
    }

    private mutating func describe(_ what: String, _ value: String, process: Int, thread: Int = 0) {
        events.append(
            #"{"name":"\#(what)","ph":"M","pid":\#(process),"tid":\#(thread),"args":{\#(value)}}"#)
    }

    /// A text as JSON has it.
    package static func literal(_ text: String) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        guard let data = try? encoder.encode(text) else { preconditionFailure("TraceFile: \(text)") }
        return String(decoding: data, as: UTF8.self)
    }

    /// To the nanosecond.
    private static func microseconds(_ nanoseconds: UInt64) -> String {
        let rest = String(nanoseconds % 1_000)
        return "\(nanoseconds / 1_000)." + String(repeating: "0", count: 3 - rest.count) + rest
    }
}

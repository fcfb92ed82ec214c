import Checkpoints
import Errors
import Foundation
import Surroundings
import Testing

/// A file that must be refused, and a part of the message that says why.
struct Malformed: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: [UInt8]
    let reason: String
    var testDescription: String { name }

    init(_ name: String, _ bytes: [UInt8], _ reason: String) {
        self.name = name
        self.bytes = bytes
        self.reason = reason
    }

    /// A file with one tensor `w` whose description is `fields`, and a payload of 8 zeros.
    init(_ name: String, fields: String, _ reason: String) {
        self.init(name, file(header: "{\"w\":{\(fields)}}", payload: 8), reason)
    }

    init(_ name: String, header: String, payload: Int = 0, _ reason: String) {
        self.init(name, file(header: header, payload: payload), reason)
    }
}

private func tensor(_ name: String, _ begin: Int, _ end: Int) -> String {
    #""\#(name)":{"dtype":"U8","shape":[\#(end - begin)],"data_offsets":[\#(begin),\#(end)]}"#
}

private let huge = "9223372036854775808"

@Suite struct MalformedTests {
    static let files: [Malformed] = [
        Malformed("empty file", [], "0 bytes are too few"),
        Malformed("seven bytes", [2, 0, 0, 0, 0, 0, 0], "7 bytes are too few"),
        Malformed("no header", [0, 0, 0, 0, 0, 0, 0, 0], "does not begin with '{'"),
        Malformed(
            "length above the limit", [0x01, 0xE1, 0xF5, 0x05, 0, 0, 0, 0], "100000001 bytes is above 100000000"),
        Malformed("length at the limit", [0x00, 0xE1, 0xF5, 0x05, 0, 0, 0, 0], "the file is cut short"),
        Malformed("greatest length", [UInt8](repeating: 255, count: 8), "18446744073709551615 bytes is above"),
        Malformed("length above the file", [3, 0, 0, 0, 0, 0, 0, 0] + Array("{}".utf8), "the file is cut short"),
        Malformed("leading space", header: " {}", "does not begin with '{'"),
        Malformed("byte order mark", header: "\u{FEFF}{}", "does not begin with '{'"),
        Malformed("array", header: "[]", "does not begin with '{'"),
        Malformed("unfinished", header: "{", "header byte 1: expected '\"'"),
        Malformed("not JSON", header: "{w}", "header byte 1: expected '\"'"),
        Malformed("bytes after the object", header: "{}{}", "header byte 2: expected the end"),
        Malformed("padding with zeros", header: "{}\0\0", "header byte 2: expected the end"),
        Malformed("padding with line feeds", header: "{}\n", "header byte 2: expected the end"),
        Malformed("trailing comma", header: "{\(tensor("a", 0, 1)),}", payload: 1, "expected '\"'"),
        Malformed("missing comma", header: "{\(tensor("a", 0, 1)) \(tensor("b", 1, 2))}", payload: 2, "expected '}'"),
        Malformed("key without a value", header: #"{"w"}"#, "expected ':'"),
        Malformed("text instead of a tensor", header: #"{"w":"F32"}"#, "expected '{'"),
        Malformed("null", header: #"{"w":null}"#, "expected '{'"),
        Malformed("invalid UTF-8", file(header: Array("{\"".utf8) + [0xC3, 0x28] + Array("\":{}}".utf8)), "UTF-8"),
        Malformed("encoded surrogate", file(header: Array("{\"".utf8) + [0xED, 0xA0, 0x80, 0x22]), "UTF-8"),
        Malformed("overlong NUL", file(header: Array("{\"".utf8) + [0xC0, 0x80, 0x22]), "UTF-8"),
        Malformed("bare line feed in a name", header: "{\"a\nb\":{}}", "bare control character"),
        Malformed("name without an end", header: #"{"abc"#, "the end of a string"),
        Malformed("name that ends in a backslash", header: #"{"abc\"#, "the end of a string"),
        Malformed("escaped quote at the end", header: #"{"abc\""#, "the end of a string"),
        Malformed("unknown escape", header: #"{"\x":{}}"#, "valid escapes"),
        Malformed("short code point", header: #"{"\u12":{}}"#, "valid escapes"),
        Malformed("code point with a sign", header: #"{"\u+123":{}}"#, "valid escapes"),
        Malformed("high surrogate alone", header: #"{"\ud83d":{}}"#, "valid escapes"),
        Malformed("high surrogate twice", header: #"{"\ud83d\ud83d":{}}"#, "valid escapes"),
        Malformed("low surrogate alone", header: #"{"\ude00":{}}"#, "valid escapes"),
        Malformed("high surrogate before text", header: #"{"\ud83dabcdef":{}}"#, "valid escapes"),
        Malformed(
            "same name twice", header: "{\(tensor("a", 0, 1)),\(tensor("a", 1, 2))}", payload: 2, "\"a\" is there"),
        Malformed(
            "same name twice, apart and escaped",
            header: "{\(tensor("a", 0, 1)),\(tensor("b", 1, 2)),\(tensor(#"\u0061"#, 2, 3))}", payload: 3,
            "tensor \"a\" is there twice"),
        Malformed(
            "metadata twice", header: #"{"__metadata__":{},"__metadata__":{}}"#, "\"__metadata__\" is there twice"),
        Malformed("metadata key twice", header: #"{"__metadata__":{"k":"1","k":"1"}}"#, "metadata key \"k\" is there"),
        Malformed(
            "metadata key twice, apart", header: #"{"__metadata__":{"k":"1","a":"","z":"","k":"2"}}"#,
            "metadata key \"k\" is there"),
        Malformed(
            "same name twice, around a canonical equivalent",
            header: "{\(tensor("\u{E9}", 0, 1)),\(tensor("e\u{301}", 1, 2)),\(tensor("\u{E9}", 2, 3))}", payload: 3,
            "is there twice"),
        Malformed("metadata number", header: #"{"__metadata__":{"k":1}}"#, "expected '\"'"),
        Malformed("metadata text", header: #"{"__metadata__":"k"}"#, "expected '{'"),
        Malformed("nested metadata", header: #"{"__metadata__":{"k":{}}}"#, "expected '\"'"),
        Malformed("no fields", fields: "", "is missing"),
        Malformed("no dtype", fields: #""shape":[8],"data_offsets":[0,8]"#, "is missing"),
        Malformed("no shape", fields: #""dtype":"U8","data_offsets":[0,8]"#, "is missing"),
        Malformed("no offsets", fields: #""dtype":"U8","shape":[8]"#, "is missing"),
        Malformed("unknown dtype", fields: #""dtype":"F31","shape":[2],"data_offsets":[0,8]"#, "\"F31\" is not known"),
        Malformed("lower-case dtype", fields: #""dtype":"f32","shape":[2],"data_offsets":[0,8]"#, "is not known"),
        Malformed("numeric dtype", fields: #""dtype":32,"shape":[2],"data_offsets":[0,8]"#, "expected '\"'"),
        Malformed(
            "dtype of another size", fields: #""dtype":"F64","shape":[2],"data_offsets":[0,8]"#, "takes 16 bytes"),
        Malformed(
            "field twice", fields: #""dtype":"F32","shape":[2],"data_offsets":[0,8],"dtype":"F32""#, "dtype is there"),
        Malformed(
            "unknown field", fields: #""dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1"#, "\"x\" is not known"),
        Malformed("negative extent", fields: #""dtype":"F32","shape":[-2],"data_offsets":[0,8]"#, "non-negative"),
        Malformed("fraction", fields: #""dtype":"F32","shape":[2.0],"data_offsets":[0,8]"#, "expected ']'"),
        Malformed("exponent", fields: #""dtype":"F32","shape":[2e0],"data_offsets":[0,8]"#, "expected ']'"),
        Malformed("leading zero", fields: #""dtype":"F32","shape":[02],"data_offsets":[0,8]"#, "non-negative"),
        Malformed("extent as text", fields: #""dtype":"F32","shape":["2"],"data_offsets":[0,8]"#, "non-negative"),
        Malformed("nested shape", fields: #""dtype":"F32","shape":[[2]],"data_offsets":[0,8]"#, "non-negative"),
        Malformed("shape that is a number", fields: #""dtype":"F32","shape":2,"data_offsets":[0,8]"#, "expected '['"),
        Malformed("extent of 2^63", fields: #""dtype":"F32","shape":[\#(huge)],"data_offsets":[0,8]"#, "below 2^63"),
        Malformed("extent of 10^30", fields: "\"shape\":[1\(String(repeating: "0", count: 30))]", "below 2^63"),
        Malformed(
            "product above 2^63", fields: #""dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]"#,
            "more elements than can be counted"),
        Malformed(
            "product that wraps to 2", fields: #""dtype":"F32","shape":[4611686018427387905,2],"data_offsets":[0,8]"#,
            "more elements than can be counted"),
        Malformed(
            "bytes that wrap to 8", fields: #""dtype":"F32","shape":[4611686018427387906],"data_offsets":[0,8]"#,
            "more elements than can be counted"),
        Malformed("one offset", fields: #""dtype":"F32","shape":[2],"data_offsets":[8]"#, "begin and the end"),
        Malformed("three offsets", fields: #""dtype":"F32","shape":[2],"data_offsets":[0,8,8]"#, "begin and the end"),
        Malformed("offsets exchanged", fields: #""dtype":"F32","shape":[2],"data_offsets":[8,0]"#, "begin and the end"),
        Malformed("end of 2^63", fields: #""dtype":"F32","shape":[2],"data_offsets":[0,\#(huge)]"#, "below 2^63"),
        Malformed("end outside", fields: #""dtype":"U8","shape":[9],"data_offsets":[0,9]"#, "the file is cut short"),
        Malformed("begin not 0", fields: #""dtype":"U8","shape":[7],"data_offsets":[1,8]"#, "leaves a hole"),
        Malformed(
            "bytes after the payload", fields: #""dtype":"U8","shape":[7],"data_offsets":[0,7]"#, "1 bytes follow"),
        Malformed("shape below the range", fields: #""dtype":"U8","shape":[7],"data_offsets":[0,8]"#, "takes 7 bytes"),
        Malformed("payload without a tensor", header: "{}", payload: 1, "1 bytes follow"),
        Malformed("overlap", header: "{\(tensor("a", 0, 5)),\(tensor("b", 4, 8))}", payload: 8, "\"b\" overlaps"),
        Malformed(
            "same range twice", header: "{\(tensor("a", 0, 8)),\(tensor("b", 0, 8))}", payload: 8, "\"b\" overlaps"),
        Malformed("hole", header: "{\(tensor("a", 5, 8)),\(tensor("b", 0, 4))}", payload: 8, "\"a\" leaves a hole"),
        Malformed(
            "empty tensor inside another", header: "{\(tensor("a", 0, 8)),\(tensor("b", 4, 4))}", payload: 8, "overlaps"
        ),
        Malformed("deep arrays", header: "{\"w\":" + String(repeating: "[", count: 200_000), "expected '{'"),
        Malformed("deep objects", header: String(repeating: #"{"w":"#, count: 200_000), "\"w\" is not known"),
        Malformed("deep shape", fields: "\"shape\":" + String(repeating: "[", count: 200_000), "non-negative"),
    ]

    @Test(arguments: files) func isRefused(_ malformed: Malformed) throws {
        let failure = try #require(
            failure { () throws(Failure) in try Checkpoint(decoding: malformed.bytes, path: "a/b") })
        #expect(failure.kind == .data)
        #expect(failure.message.hasPrefix("a/b: "))
        #expect(failure.message.contains(malformed.reason))
        #expect(failure.message.utf8.allSatisfy { $0 >= 0x20 } && failure.message.count < 250)
        try withTemporaryFolder { folder in
            try write(malformed.bytes, folder + "/a")
            let ofFile = fileFailure(folder + "/a")
            #expect(ofFile?.message == folder + "/a" + failure.message.dropFirst("a/b".count))
        }
    }

    /// What other writers may do and ours does not.
    @Test func otherWritersFormsAreRead() throws {
        let header =
            "{ \"b\" :\t{ \"data_offsets\":[ 4 , 8 ],\r\n\"shape\":[1, 2,2],\"dtype\":\"U8\"},"
            + #""\ud83d\uDE00\/\u0041\u00e9":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"#
            + #""z":{"dtype":"BOOL","shape":[0,4611686018427387904,8],"data_offsets":[4,4]},"#
            + #""__metadata__":{"k":"\b\f","b":"","é":"","\u0065\u0301":"2"}}"#
        let checkpoint = try Checkpoint(decoding: file(header: header, payload: 8), path: "a")
        #expect(checkpoint.tensors.map(\.name) == ["😀/A\u{E9}", "z", "b"])
        #expect(checkpoint.tensors.map(\.elementType) == [.float16, .bool, .uint8])
        #expect(checkpoint.tensors.map(\.bytes.count) == [4, 0, 4])
        #expect(checkpoint["b"]?.shape == [1, 2, 2])
        #expect(checkpoint.metadata == ["k": "\u{8}\u{C}", "b": "", "\u{E9}": "", "e\u{301}": "2"])
        #expect(checkpoint.metadata["b"] == "" && checkpoint.metadata["e\u{301}"] == "2")
    }

    /// A name that a message repeats is one short line, whatever the file says.
    @Test func longNamesAreCutInMessages() throws {
        let name = "\u{301}\\n" + String(repeating: "\u{301}", count: 5_000)
        let failure = failure { () throws(Failure) in
            try Checkpoint(decoding: file(header: "{\"\(name)\":{}}"), path: "a")
        }
        let message = try #require(failure).message
        #expect(message.utf8.count < 250)
        #expect(!message.utf8.contains(0x0A))
    }

    /// A header may not make the reader build much more than the file's own size.
    @Test(arguments: [
        "{" + (0..<60_000).map { tensor("\($0)", 0, 0) }.joined(separator: ",") + "}",
        "{\"" + String(repeating: "n", count: 17 << 20) + "\":",
        "{\"w\":{\"shape\":[" + String(repeating: "0,", count: 1 << 20),
    ]) func headersThatDescribeTooMuchAreRefused(_ header: String) {
        let failure = failure { () throws(Failure) in try Checkpoint(decoding: file(header: header), path: "a") }
        #expect(failure?.message.contains("describes too much") == true)
    }

    @Test func whatCannotBeRead() throws {
        try withTemporaryFolder { folder in
            try write([7], folder + "/file")
            #expect(mkfifo(folder + "/pipe", 0o600) == 0)
            for (target, kind): (String, Failure.Kind) in [
                ("missing", .inputNotFound), ("file/below", .inputNotFound), ("file\u{0}", .inputNotFound),
                ("", .data), ("pipe", .data), ("file", .data),
            ] {
                let path = folder + "/" + target
                let failure = try #require(fileFailure(path))
                #expect(failure.kind == kind, "\(target)")
                #expect(failure.message.hasPrefix(path + ": "))
            }
        }
    }
}

import DataLoading
import Errors
import Foundation
import Testing

/// Runs a program and returns what it says.
enum ChildTool {
    static func run(_ program: String, _ arguments: [String]) throws -> String {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.standardOutput = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }

    static func find(_ name: String) -> String? {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/\(name)" }
            .first(where: FileManager.default.isExecutableFile(atPath:))
    }
}

/// A web server that answers wrongly in as many ways as the first part of a path names.
final class MisbehavingServer {
    private let process = Process()
    let port: Int

    /// Serves the files of `folder`.
    init(python: String, folder: TemporaryFolder) throws {
        let script = try folder.write("server.py", Array(Self.source.utf8))
        let pipe = Pipe()
        process.executableURL = URL(filePath: python)
        process.arguments = [script, folder.path]
        process.standardOutput = pipe
        try process.run()
        let line = String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
        port = Int(line.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
    }

    deinit {
        // The test runner's threads may block other signals, which a child inherits.
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    func address(_ behaviour: String) -> String { "http://127.0.0.1:\(port)/\(behaviour)/" }

    static let source = """
        import gzip, http.server, os, sys, threading, time

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.0"
            counts = {}

            def log_message(self, *arguments):
                pass

            def do_GET(self):
                _, way, name = self.path.split("/", 2)
                count = Handler.counts[self.path] = Handler.counts.get(self.path, 0) + 1
                if way == "loop":
                    return self.answer(302, {"Location": self.path})
                if way in ("404", "500"):
                    return self.answer(int(way), {})
                with open(os.path.join(sys.argv[1], name), "rb") as file:
                    content = file.read()
                begin = 0
                requested = self.headers.get("Range")
                if requested and way != "no-ranges":
                    begin = int(requested.split("=")[1].split("-")[0])
                    if begin >= len(content):
                        return self.answer(416, {})
                if way == "wrong" or (way == "wrong-once" and count == 1):
                    content = bytes(255 - byte for byte in content)
                if way == "wrong-resumed" and begin:
                    content = bytes(255 - byte for byte in content)
                if way == "short":
                    content = content[: len(content) // 2]
                if way == "long":
                    content += b"more"
                rest = content[begin:]
                headers = {"Content-Length": str(len(rest))}
                if way == "endless":
                    headers = {}
                if way == "bomb":
                    # Half a gigabyte of zeros, which a client that unpacks would write.
                    rest = gzip.compress(bytes(1 << 23)) * 64
                    headers = {"Content-Encoding": "gzip", "Content-Length": str(len(rest))}
                if begin:
                    headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
                self.answer(206 if begin else 200, headers)
                if way.startswith("quarter-") and begin == 0:
                    rest = rest[: len(content) * int(way[-1]) // 4]
                if way in ("cut", "wrong-resumed", "no-ranges"):
                    rest = rest[: max(1, len(content) // 4)]
                if way == "cut-early":
                    rest = b""
                try:
                    if way == "drip":
                        for byte in rest:
                            self.wfile.write(bytes([byte]))
                            time.sleep(0.3)
                    elif way == "silent":
                        time.sleep(60)
                    elif way == "endless":
                        while True:
                            self.wfile.write(bytes(65536))
                    else:
                        self.wfile.write(rest)
                except OSError:
                    pass

            def answer(self, status, headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        print(server.server_port, flush=True)
        parent = os.getppid()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        while os.getppid() == parent:
            time.sleep(0.2)
        """
}

@Suite(.enabled(if: ChildTool.find("python3") != nil && ChildTool.find("curl") != nil), .serialized)
struct FetcherTests {
    let folder: TemporaryFolder
    let server: MisbehavingServer
    let entry: DatasetCatalogue.Entry
    static let content = (0..<40_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) }

    init() throws {
        folder = try TemporaryFolder()
        let path = try folder.write("file.bin", Self.content)
        let sum = String(try ChildTool.run("/usr/bin/sha256sum", [path]).prefix(64))
        server = try MisbehavingServer(python: ChildTool.find("python3")!, folder: folder)
        #expect(server.port > 0)
        entry = DatasetCatalogue.Entry(
            name: "thing", classNames: [], installHint: "",
            files: [.init("file.bin", byteCount: Self.content.count, checksum: .sha256(sum, source: "its publisher"))])
    }

    /// The events, and what was thrown.
    func fetch(
        _ behaviours: [String], into name: String = "data", entry: DatasetCatalogue.Entry? = nil, stallSeconds: Int = 2
    ) -> (events: [Fetcher.Event], failure: Failure?) {
        var limits = Fetcher.Limits()
        (limits.connectSeconds, limits.stallSeconds, limits.totalSeconds, limits.byteCount) = (
            2, stallSeconds, 20, 1 << 20
        )
        var events: [Fetcher.Event] = []
        do {
            try Fetcher(entry ?? self.entry, mirrors: behaviours.map(server.address), limits: limits)
                .fetch(into: folder.path + "/" + name) { events.append($0) }
            return (events, nil)
        } catch {
            return (events, error as? Failure)
        }
    }

    func fetched(_ name: String = "data") -> [UInt8]? {
        FileManager.default.contents(atPath: "\(folder.path)/\(name)/file.bin").map { [UInt8]($0) }
    }

    @Test(arguments: ["good", "cut", "quarter-1", "quarter-2", "quarter-3", "wrong-once"])
    func whatComesInTheEnd(_ behaviour: String) throws {
        // The wrong bytes of the first answer are thrown away; a second mirror of the same kind is right.
        let (events, failure) = fetch([behaviour, behaviour])
        #expect(failure == nil, "\(failure?.message ?? "")")
        #expect(fetched() == Self.content)
        #expect(events.last == .complete(file: "file.bin"))
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path + "/data").sorted() == [
                ".fetch.lock", "file.bin",
            ])
        if behaviour == "cut" {
            let resumed = events.compactMap { if case .trying(_, _, let have) = $0 { have } else { nil as Int? } }
            #expect(resumed == [0, 10_000, 20_000, 30_000])
        }
        if behaviour.hasPrefix("quarter-") {
            let resumed = events.compactMap { if case .trying(_, _, let have) = $0 { have } else { nil as Int? } }
            #expect(resumed == [0, 10_000 * (Int(behaviour.suffix(1)) ?? 0)])
        }
        // Again: nothing is asked for.
        #expect(fetch(["404"]).events == [.present(file: "file.bin")])
    }

    @Test(arguments: [
        ("404", "HTTP status 404"), ("500", "HTTP status 500"), ("loop", "too many redirections"),
        ("wrong", "its SHA-256 is not what its publisher states"), ("short", "ended after 20,000 of 40,000 bytes"),
        ("long", "more than 40,000 bytes"), ("endless", "sends more than 40,000 bytes"),
        ("drip", "too slow, or no answer"),
        ("silent", "too slow, or no answer"), ("cut-early", "the connection was cut"),
        ("wrong-resumed", "its SHA-256 is not"),
        ("no-ranges", "given up after 12 connections"), ("bomb", "more than 40,000 bytes"),
    ])
    func whatNeverComes(_ behaviour: String, _ reason: String) throws {
        let begin = ContinuousClock.now
        let (_, failure) = fetch([behaviour])
        #expect(failure?.kind == .inputOutput)
        let message = failure?.message ?? ""
        #expect(message.contains(server.address(behaviour) + "file.bin"), "\(message)")
        #expect(message.contains(reason), "\(message)")
        #expect(message.contains("put file.bin into \(folder.path)/data"))
        #expect(!message.contains("\n"))
        #expect(fetched() == nil)
        #expect(ContinuousClock.now - begin < .seconds(60))
        // The next mirror mends it, whatever was left behind.
        let second = fetch([behaviour, "good"])
        #expect(second.failure == nil, "\(behaviour): \(second.failure?.message ?? "")")
        #expect(fetched() == Self.content)
    }

    @Test func nobodyThere() throws {
        let closed = DatasetCatalogue.Entry(
            name: "thing", classNames: [], installHint: "", files: entry.files, mirrors: ["http://127.0.0.1:9/"])
        let failure = #expect(throws: Failure.self) { try Fetcher(closed).fetch(into: folder.path + "/data") { _ in } }
        #expect(failure?.message.contains("http://127.0.0.1:9/file.bin (") == true)
        #expect(failure?.message.contains("or name a mirror: --mirror ADDRESS") == true)
    }

    /// A partial file is resumed by the next fetch; one that is wrong is thrown away.
    @Test func laterFetchesGoOn() throws {
        for (name, start, expected) in [
            ("right", Array(Self.content.prefix(30_000)), [30_000]),
            ("wrong", [UInt8](repeating: 7, count: 30_000), [30_000, 0]),
            ("whole", Self.content, []), ("longer", Self.content + [0], [0]),
        ] {
            try folder.write("\(name)/.file.bin.partial", start)
            let (events, failure) = fetch(["good"], into: name)
            #expect(failure == nil)
            #expect(fetched(name) == Self.content)
            #expect(
                events.compactMap { if case .trying(_, _, let have) = $0 { have } else { nil as Int? } } == expected)
        }
    }

    @Test func whatIsThereIsNotReplaced() throws {
        try folder.write("data/file.bin", [1, 2, 3])
        let (_, failure) = fetch(["good"])
        #expect(failure?.kind == .outputRefused)
        #expect(fetched() == [1, 2, 3])
    }

    /// What xz packs is unpacked beside it, once it is known to be right.
    @Test(.enabled(if: ChildTool.find("xz") != nil)) func packedFiles() throws {
        let path = try folder.write("other.bin", Self.content)
        _ = try ChildTool.run(ChildTool.find("xz")!, ["--keep", path])
        let sum = String(try ChildTool.run("/usr/bin/sha256sum", [path + ".xz"]).prefix(64))
        let file = DatasetCatalogue.File(
            "other.bin.xz", byteCount: nil, checksum: .sha256(sum, source: "its publisher"))
        let packed = DatasetCatalogue.Entry(name: "thing", classNames: [], installHint: "", files: [file])
        let first = fetch(["wrong", "cut"], entry: packed)
        #expect(first.failure == nil, "\(first.failure?.message ?? "")")
        #expect(Array(first.events.suffix(2)) == [.complete(file: "other.bin.xz"), .unpacked(file: "other.bin")])
        let files = { try FileManager.default.contentsOfDirectory(atPath: folder.path + "/data").sorted() }
        #expect(try files() == [".fetch.lock", "other.bin", "other.bin.xz"])
        #expect(
            FileManager.default.contents(atPath: folder.path + "/data/other.bin").map { [UInt8]($0) } == Self.content)
        #expect(
            fetch(["404"], entry: packed).events == [.present(file: "other.bin.xz"), .present(file: "other.bin")])
        // An archive that is right and yet no archive: nothing takes the file's place.
        let text = try folder.write("text.xz", Array("no archive".utf8))
        let textSum = String(try ChildTool.run("/usr/bin/sha256sum", [text]).prefix(64))
        let wrong = DatasetCatalogue.Entry(
            name: "thing", classNames: [], installHint: "",
            files: [.init("text.xz", byteCount: nil, checksum: .sha256(textSum, source: "its publisher"))])
        let failure = fetch(["good"], into: "text", entry: wrong).failure
        #expect(failure?.kind == .inputOutput && failure?.message.contains("cannot be unpacked") == true)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path + "/text").sorted() == [
                ".fetch.lock", "text.xz",
            ])
    }

    /// Without a known size there is still a limit.
    @Test func unknownSizes() throws {
        let file = DatasetCatalogue.File("file.bin", byteCount: nil, checksum: entry.files[0].checksum)
        let unknown = DatasetCatalogue.Entry(name: "thing", classNames: [], installHint: "", files: [file])
        #expect(fetch(["endless"], entry: unknown).failure?.message.contains("sends more than 1,048,576 bytes") == true)
        // A gzip bomb is taken as it comes, 510 KB, and its checksum is wrong.
        #expect(fetch(["bomb"], entry: unknown).failure?.message.contains("its SHA-256 is not") == true)
        #expect(fetched() == nil)
        #expect(fetch(["cut"], entry: unknown).failure == nil)
        #expect(fetched() == Self.content)
    }
}

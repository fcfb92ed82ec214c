import DataLoading
import Errors
import Foundation
import Testing

@Suite("Tables of numbers")
struct TableTests {
    static func read(_ text: String, _ choice: ColumnChoice = .targets(["y"], ignored: [])) throws -> Table {
        try Table(file: InputFile(bytes: Array(text.utf8), name: "table"), choosing: choice)
    }

    static let tables: [(name: String, text: String, choice: ColumnChoice, features: [Float], targets: [Float])] = [
        ("plain", "a,b,y\n1,2.5,3\n-4e2,.5,+6.\n", .targets(["y"], ignored: []), [1, 2.5, -400, 0.5], [3, 6]),
        ("target first, last line open", "y,a\n1,2\n3,4", .targets(["y"], ignored: []), [2, 4], [1, 3]),
        ("semicolons, CRLF", "a;b;y\r\n1;2;3\r\n", .targets(["y"], ignored: []), [1, 2], [3]),
        ("tabs", "a\tb\ty\n1\t2\t3\n", .targets(["y"], ignored: []), [1, 2], [3]),
        ("no header: columns have numbers", "1,2,3\n4,5,6\n", .targets(["2"], ignored: []), [1, 3, 4, 6], [2, 5]),
        ("two targets, in their order", "a,p,q\n1,2,3\n", .targets(["q", "p"], ignored: []), [1], [3, 2]),
        (
            "quotes, blanks, byte order mark, empty lines at the end",
            "\u{FEFF}\"a\", \"b c\" ,y\n\"1\" , 2 ,\"3\"\n\n \r\n", .targets(["y"], ignored: []), [1, 2], [3]
        ),
        (
            "text with commas, quotes and lines is left out",
            "town,a,y\n\"New\nYork, \"\"NY\"\"\",1,2\nx\"y,3,4\n", .targets(["y"], ignored: ["town"]), [1, 3], [2, 4]
        ),
        (
            "columns by name, whatever their places", "y,b,x,a\n1,2,z,3\n",
            .named(TableColumns(features: ["a", "b"], targets: ["y"])), [3, 2], [1]
        ),
        (
            "without the target", "b,a\n2,1\n", .named(TableColumns(features: ["a", "b"], targets: [])), [1, 2], []
        ),
        // As NumPy: a double first, then a float.
        ("rounding", "a,y\n0.1,16777217\n", .targets(["y"], ignored: []), [0.1], [16_777_216]),
        ("least numbers", "a,y\n1e-45,1e-400\n", .targets(["y"], ignored: []), [.leastNonzeroMagnitude], [0]),
    ]

    @Test(arguments: tables.indices) func reads(_ index: Int) throws {
        let test = Self.tables[index]
        for bytes in [Array(test.text.utf8), gzip(Array(test.text.utf8))] {
            let table = try Table(file: InputFile(bytes: bytes, name: "table"), choosing: test.choice)
            #expect(table.values == test.features, "\(test.name)")
            #expect(table.targets == test.targets, "\(test.name)")
            #expect(table.count == max(table.targets.count / max(table.columns.targets.count, 1), 1))
        }
    }

    static let refusals: [(text: String, choice: ColumnChoice, message: String)] = [
        ("", .targets(["y"], ignored: []), "line 1 is empty"),
        ("a,y\n", .targets(["y"], ignored: []), "holds no row of numbers"),
        ("a,y\n1,2,3\n", .targets(["y"], ignored: []), "line 2 has more than 2 columns, but line 1 has 2"),
        ("a,y\n1,2\n1\n", .targets(["y"], ignored: []), "line 3 has 1 columns, but line 1 has 2"),
        ("a,y\n1,2\n\n3,4\n", .targets(["y"], ignored: []), "line 3 is empty"),
        (
            "a,rooms,y\n1,2,3\n4,NA,6\n", .targets(["y"], ignored: []),
            "line 3, column 2 (rooms): \"NA\" is no number; mend the line or leave it out, or leave the column out with "
                + "--ignore-columns"
        ),
        ("a,y\n,2\n", .targets(["y"], ignored: []), "line 2, column 1 (a): nothing, where a number is needed"),
        ("a,y\n1,nan\n", .targets(["y"], ignored: []), "line 2, column 2 (y): \"nan\" is no number; mend the line or"),
        ("a,y\n1,0x10\n", .targets(["y"], ignored: []), "\"0x10\" is no number"),
        ("a,y\n1e39,2\n", .targets(["y"], ignored: []), "\"1e39\" is beyond what a float32 holds"),
        ("a,y\n\u{1}7,2\n", .targets(["y"], ignored: []), "\"\\u00017\" is no number"),
        ("a,\"y\n1,2\n", .targets(["y"], ignored: []), "line 1 begins a quote that is not closed"),
        ("a,y\n1,\"2\"3\n", .targets(["y"], ignored: []), "line 2 has text behind a quoted field"),
        ("price,b\n1,2\n", .targets(["pirce"], ignored: []), "no column \"pirce\" (did you mean \"price\"?); it has 2"),
        ("a,y\n1,2\n", .targets(["y"], ignored: ["id"]), "has no column \"id\""),
        ("a,a,y\n1,2,3\n", .targets(["y"], ignored: []), "columns 1 and 2 are both called \"a\""),
        (",a,y\n0,1,2\n", .targets(["y"], ignored: []), "column 1 has no name, as an index that pandas"),
        ("y\n1\n", .targets(["y"], ignored: []), "no column is left beside the target"),
        ("a,y\n1,2\n", .targets(["y"], ignored: ["a"]), "no column is left beside the target"),
        (
            "a,y\n" + String(repeating: "1", count: 70_000) + ",2\n", .targets(["y"], ignored: []),
            "line 2 has a field longer than 65,536 bytes"
        ),
    ]

    @Test(arguments: refusals.indices) func refused(_ index: Int) throws {
        let (text, choice, message) = Self.refusals[index]
        let failure = #expect(throws: Failure.self, "\(text.prefix(80))") { try Self.read(text, choice) }
        #expect(failure?.kind == .data)
        #expect(failure?.message.hasPrefix("table: ") == true)
        #expect(failure?.message.contains(message) == true, "\(failure?.message ?? "")")
    }

    @Test func aTargetIsNotLeftOut() throws {
        let failure = #expect(throws: Failure.self) { try Self.read("a,y\n1,2\n", .targets(["y"], ignored: ["y"])) }
        #expect(failure?.message.contains("is the target") == true)
    }

    /// Cut anywhere: a shorter table or a refusal, never a crash.
    @Test func everyTruncation() throws {
        let text = Array("a,\"b\",y\n1,2.5,3\n-4e2,.5,+6\n".utf8)
        for length in 0..<text.count {
            do {
                let table = try Table(
                    file: InputFile(bytes: Array(text.prefix(length)), name: "table"),
                    choosing: .targets(["y"], ignored: []))
                #expect((1...2).contains(table.count) && table.values.count == 2 * table.count)
            } catch let failure as Failure { #expect(failure.kind == .data) }
        }
        let packed = gzip(text)
        for length in 0..<packed.count {
            #expect(throws: Failure.self) {
                try Table(
                    file: InputFile(bytes: Array(packed.prefix(length)), name: "table"),
                    choosing: .targets(["y"], ignored: []))
            }
        }
    }

    /// Several buffers of 256 KiB, and memory that grows.
    @Test func largeTablesCrossBuffers() throws {
        let text = "a,b,y\n" + (0..<40_000).map { "\($0),\(Double($0) / 7),\(-$0)\n" }.joined()
        let table = try Self.read(text)
        #expect(table.count == 40_000)
        #expect(table.values == (0..<40_000).flatMap { [Float($0), Float(Double($0) / 7)] })
        #expect(table.targets == (0..<40_000).map { Float(-$0) })
    }

    static func selection(_ fraction: Double? = nil, seed: UInt64 = 1) -> TableSelection {
        TableSelection(.targets(["y"], ignored: []), .test(fraction: fraction, seed: seed))
    }

    @Test func aFileIsDividedByTheSeed() throws {
        let folder = try TemporaryFolder()
        let rows = (0..<50).map { "\($0),\($0 * 2)\n" }.joined()
        let path = try folder.write("houses.csv.gz", gzip(Array(("a,y\n" + rows).utf8)))
        let source = try TableSource.locate(name: path, environment: [:])
        #expect(source.name == "houses")
        let data = try source.load(Self.selection())
        #expect((data.train.count, data.test.count) == (40, 10))
        #expect(data.columns == TableColumns(features: ["a"], targets: ["y"]))
        // Both ascend, together they are all, and targets went with their rows.
        #expect((data.train.targets + data.test.targets).sorted() == (0..<50).map { Float($0 * 2) })
        #expect(data.test.targets == data.test.targets.sorted() && data.train.targets == data.train.targets.sorted())
        #expect(data.test.targets == data.test.features.map { $0 * 2 })
        #expect(try source.load(Self.selection()).identity == data.identity)
        #expect(try source.load(Self.selection(seed: 2)).test.targets != data.test.targets)
        #expect(try source.load(Self.selection(0.5)).test.count == 25)
        let whole = try source.load(TableSelection(.targets(["y"], ignored: []), .whole))
        #expect(whole.train.count == 50 && whole.test.count == 50)
        let tiny = #expect(throws: Failure.self) { try source.load(Self.selection(0.01)) }
        #expect(tiny?.message.contains("--test-split") == true)
    }

    @Test func aFolderHasItsParts() throws {
        let folder = try TemporaryFolder()
        try folder.write("houses/train.csv", Array("a,b,y\n1,2,3\n4,5,6\n".utf8))
        try folder.write("houses/test.csv", Array("y,b,a\n9,8,7\n".utf8))
        try folder.write("houses/validation.csv", Array("b,a,y\n1,0,2\n".utf8))
        for (name, directory, root) in [
            ("\(folder.path)/houses", nil, ""), ("houses", folder.path, ""), ("houses", nil, folder.path),
        ] as [(String, String?, String)] {
            let source = try TableSource.locate(
                name: name, dataDirectory: directory, environment: ["LOCKSTEP_DATA": root])
            let data = try source.load(Self.selection())
            #expect(data.name == "houses" && data.train.count == 2)
            #expect(data.test.features == [7, 8] && data.test.targets == [9])
            #expect(data.validation?.features == [0, 1])
        }
        let source = try TableSource.locate(name: "\(folder.path)/houses", environment: [:])
        let failure = #expect(throws: Failure.self) { try source.load(Self.selection(0.3)) }
        #expect(failure?.message.contains("has a test part of its own") == true)
        let missing = #expect(throws: Failure.self) {
            try TableSource.locate(name: "houzes", dataDirectory: folder.path, environment: [:])
        }
        #expect(missing?.kind == .inputNotFound && missing?.message.contains("\(folder.path)/houzes") == true)
    }

    /// One more bit of a value, another target: another identity.
    @Test func identitiesTellTables() throws {
        func identity(_ text: String) throws -> String {
            let part = try Self.read(text).samples
            return ImageDataset(name: "t", train: part, test: part, columns: nil).identity
        }
        let texts = ["a,y\n1,2\n", "a,y\n1.0000001,2\n", "a,y\n1,3\n", "a,y\n1,2\n1,2\n", "a,b,y\n1,2,3\n"]
        #expect(Set(try texts.map(identity)).count == texts.count)
        #expect(try identity("x,y\n1.0,2e0\n") == identity(texts[0]))
    }
}

extension Table {
    var values: [Float] { samples.features }
}

extension LabelledImages {
    var features: [Float] {
        withExtendedLifetime(self) { (0..<count * pixelsPerImage).map { unsafeFeatures[$0] } }
    }
}

import Foundation
import Reports
import Surroundings
import Testing
import Training

@Suite("TensorBoard events")
struct TensorBoardTests {
    /// One value of a summary, as it lies in the file.
    struct Value: Equatable {
        let step: Int
        let tag: String
        let plugin: String
        /// Of the tensor: extents, and what it holds.
        let extents: [Int]
        let floats: [Float]
        let doubles: [Double]
        let texts: [[UInt8]]
    }

    /// Bit by bit, as the polynomial is written.
    private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        var remainder = ~UInt32(0)
        for byte in bytes {
            remainder ^= UInt32(byte)
            for _ in 0..<8 { remainder = remainder >> 1 ^ (remainder & 1 == 1 ? 0x82f6_3b78 : 0) }
        }
        return ~remainder
    }

    private static func masked(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        let value = checksum(bytes)
        return (value >> 15 | value << 17) &+ 0xa282_ead8
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reversed().reduce(0) { $0 << 8 | Int($1) } }

    /// The file's records, every checksum of which must be right.
    static func records(_ file: [UInt8]) throws -> [ArraySlice<UInt8>] {
        var records: [ArraySlice<UInt8>] = []
        var place = 0
        while place < file.count {
            try #require(file.count - place >= 16)
            let count = number(file[place..<place + 8])
            #expect(number(file[place + 8..<place + 12]) == Int(masked(file[place..<place + 8])))
            let data = place + 12..<place + 12 + count
            try #require(data.upperBound + 4 <= file.count)
            #expect(number(file[data.upperBound..<data.upperBound + 4]) == Int(masked(file[data])))
            records.append(file[data])
            place = data.upperBound + 4
        }
        return records
    }

    private static func values(_ file: [UInt8]) throws -> [Value] {
        try records(file).flatMap { record -> [Value] in
            let event = try Wire(record)
            let step = event.integers(2).first ?? 0
            return try event.messages(5).flatMap { try $0.messages(1) }.map { value in
                let tensor = try value.message(8)
                func packed<Element>(_ field: Int, _ size: Int, _ make: (UInt64) -> Element) -> [Element] {
                    tensor.bytes(field).flatMap { bytes in
                        stride(from: bytes.startIndex, to: bytes.endIndex, by: size).map {
                            make(bytes[$0..<$0 + size].reversed().reduce(0) { $0 << 8 | UInt64($1) })
                        }
                    }
                }
                return Value(
                    step: step, tag: value.text(1), plugin: try value.message(9).message(1).text(1),
                    extents: try tensor.messages(2).flatMap { try $0.messages(2) }.map { $0.integers(1).first ?? 0 },
                    floats: packed(5, 4) { Float(bitPattern: UInt32($0)) },
                    doubles: packed(6, 8) { Double(bitPattern: $0) }, texts: tensor.bytes(8).map(Array.init))
            }
        }
    }

    private static func file(_ run: String) throws -> (path: String, bytes: [UInt8]) {
        let names = try FileManager.default.contentsOfDirectory(atPath: "\(run)/tensorboard")
        #expect(names.count == 1 && names[0].hasPrefix("events.out.tfevents."))
        let path = "\(run)/tensorboard/\(names[0])"
        return (path, [UInt8](try Data(contentsOf: URL(filePath: path))))
    }

    @Test("the checksum is Castagnoli's")
    func known() {
        // RFC 3720, B.4.
        #expect(Self.checksum(Array("123456789".utf8)[...]) == 0xe306_9283)
        #expect(Self.checksum([UInt8](repeating: 0, count: 32)[...]) == 0x8a91_36aa)
    }

    @Test("a run's numbers are its metrics, and its pictures are there")
    func scalarsAndPictures() throws {
        try withTemporaryFolder { folder in
            try SmallRun.train("\(folder)/run")
            let (_, bytes) = try Self.file("\(folder)/run")
            #expect(try Wire(Self.records(bytes)[0]).text(3) == "brain.Event:2")
            let values = try Self.values(bytes)
            var expected: [String] = []
            for point in MetricsPoint.all(ofRun: "\(folder)/run") {
                let numbers: [(String, Double?)] = [
                    ("loss/\(point.split)", point.loss), ("accuracy/\(point.split)", point.accuracy),
                    ("learning-rate", point.learningRate), ("gradient-norm", point.gradientNorm),
                    ("weight-norm", point.weightNorm), ("samples-per-second", point.samplesPerSecond),
                ]
                for (tag, number) in numbers {
                    if let number { expected.append("\(point.step) \(tag) \(Float(number))") }
                }
            }
            let scalars = values.filter { $0.plugin == "scalars" }
            #expect(scalars.map { "\($0.step) \($0.tag) \($0.floats[0])" } == expected && expected.count == 24)
            #expect(scalars.allSatisfy { $0.extents.isEmpty && $0.floats.count == 1 })
            let pictures = values.filter { $0.plugin == "images" }
            #expect(pictures.map(\.tag) == ["confusion-matrix", "mistakes"])
            for value in pictures {
                #expect(value.extents == [value.texts.count] && value.step == 12)
                let png: [UInt8] = [0x89, 0x50, 0x4e, 0x47]
                #expect(value.texts.dropFirst(2).allSatisfy { $0.starts(with: png) })
            }
            #expect(pictures[1].texts.prefix(2).map { String(decoding: $0, as: UTF8.self) } == ["6", "5"])
        }
    }

    @Test("histograms count every weight and every gradient, whoever owns them", arguments: [1, 3])
    func histograms(workers: Int) throws {
        try withTemporaryFolder { folder in
            try SmallRun.train("\(folder)/run", workers: workers) { $0.histogramEvery = 2 }
            let histograms = try Self.values(Self.file("\(folder)/run").bytes).filter { $0.plugin == "histograms" }
            let names = ["0.weight", "0.bias", "2.weight", "2.bias"]
            #expect(histograms.map(\.tag) == names.map { "weights/\($0)" } + names.map { "gradients/\($0)" })
            #expect(histograms.allSatisfy { $0.step == 8 })
            for (value, count) in zip(histograms, [180, 6, 24, 4, 180, 6, 24, 4]) {
                let rows = stride(from: 0, to: value.doubles.count, by: 3).map { Array(value.doubles[$0..<$0 + 3]) }
                #expect(value.extents == [rows.count, 3])
                #expect(rows.reduce(0) { $0 + $1[2] } == Double(count), "\(value.tag)")
                #expect(rows.allSatisfy { $0[0] < $0[1] } && zip(rows, rows.dropFirst()).allSatisfy { $0[1] == $1[0] })
            }
            // Whole numbers do not depend on who counted what.
            try SmallRun.train("\(folder)/other") { $0.histogramEvery = 2 }
            #expect(
                try Self.values(Self.file("\(folder)/other").bytes).filter { $0.plugin == "histograms" } == histograms)
        }
    }

    @Test("a run that goes on has the records of one that was never stopped", arguments: [3, 4, 6, 8, 11])
    func resumed(stop: Int) throws {
        try withTemporaryFolder { folder in
            try SmallRun.train("\(folder)/whole") { $0.histogramEvery = 1 }
            try SmallRun.train("\(folder)/run", stopAfter: stop) { $0.histogramEvery = 1 }
            try SmallRun.train("\(folder)/run", resumes: true) { $0.histogramEvery = 1 }
            let (whole, run) = (try Self.file("\(folder)/whole").bytes, try Self.file("\(folder)/run").bytes)
            func timeless(_ file: [UInt8]) throws -> [Value] {
                try Self.values(file).filter { $0.tag != "samples-per-second" }
            }
            #expect(try timeless(run) == timeless(whole))
            #expect(try Self.records(run).filter { try !Wire($0).text(3).isEmpty }.count == 1)
        }
    }

    @Test("a run that was not recorded so far gets what its metrics know")
    func late() throws {
        try withTemporaryFolder { folder in
            try SmallRun.train("\(folder)/run", stopAfter: 9, records: false)
            try SmallRun.train("\(folder)/run", resumes: true)
            let steps = try Self.values(Self.file("\(folder)/run").bytes).filter { $0.tag == "loss/train" }.map(\.step)
            #expect(steps == [4, 8, 12])
        }
    }

    @Test("a file that was cut anywhere is read up to the last whole record")
    func cut() throws {
        try withTemporaryFolder { folder in
            try SmallRun.train("\(folder)/run")
            let (path, bytes) = try Self.file("\(folder)/run")
            // Everywhere in the short records, and around the ends of all.
            let ends: [Int] = try [0] + Self.records(bytes).map { $0.endIndex + 4 }
            let offsets: [Int] = [-5, -4, -1, 0, 1, 11, 12, 13]
            let nearEnds: [Int] = ends.flatMap { end in offsets.map { end + $0 } }
            let lengths = Array(0..<ends[3]) + nearEnds.filter { $0 >= ends[3] && $0 <= bytes.count }
            for length in lengths {
                try Data(bytes[..<length]).write(to: URL(filePath: path))
                let kept = TensorBoardLog.records(of: "\(folder)/run", before: .max)
                #expect(kept.count == ends.last { $0 <= length }, "cut at \(length)")
            }
            // A bit that flipped ends it, too.
            var damaged = bytes
            damaged[ends[2] + 20] ^= 1
            try Data(damaged).write(to: URL(filePath: path))
            #expect(TensorBoardLog.records(of: "\(folder)/run", before: .max).count == ends[2])
        }
    }

    @Test(
        "TensorBoard's own reader sees every value",
        .enabled(if: Python.hasTensorBoard, "needs Python's tensorboard: LOCKSTEP_TEST_PYTHON names one with it"))
    func reader() throws {
        try withTemporaryFolder { folder in
            try SmallRun.train("\(folder)/run") { $0.histogramEvery = 3 }
            let (path, bytes) = try Self.file("\(folder)/run")
            let (status, output) = try Python.run([Python.script("check_events.py"), path])
            try #require(status == 0)
            struct Seen: Decodable, Equatable {
                let step: Int
                let tag: String
                let plugin: String
                let numbers: [Double]
            }
            let seen = try JSONDecoder().decode([Seen].self, from: output)
            let expected = try Self.values(bytes).map { value in
                Seen(
                    step: value.step, tag: value.tag, plugin: value.plugin,
                    numbers: value.floats.map(Double.init) + value.doubles + value.texts.map { Double($0.count) })
            }
            #expect(seen == expected)
            // Cut inside the last record, which has the pictures: TensorBoard reads the others.
            try Data(bytes.dropLast(3)).write(to: URL(filePath: path))
            let cut = try Python.run([Python.script("check_events.py"), path])
            #expect(
                try JSONDecoder().decode([Seen].self, from: cut.output) == expected.filter { $0.plugin != "images" })
        }
    }
}

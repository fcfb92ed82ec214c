import Foundation
import FuzzTargets
import Testing

/// What `launch/fuzz` begins from, and mutations of it, without the fuzzer.
@Suite struct CorpusTests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Corpus").standardized

    static func files(_ target: FuzzTarget) throws -> [URL] {
        try FileManager.default.contentsOfDirectory(
            at: folder.appending(path: target.name), includingPropertiesForKeys: nil
        ).sorted { $0.path < $1.path }
    }

    @Test(arguments: FuzzTarget.all.map(\.name)) func everyFileIsReadOrRefused(name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let files = try Self.files(target)
        #expect(files.count >= 10)
        var readings = 0
        for file in files {
            target.read([UInt8](try Data(contentsOf: file))) { reading in
                reading()
                readings += 1
            }
        }
        #expect(readings > files.count, "some must come further than the first rules")
    }

    /// Bytes, and bits of other files of the corpus, pasted and cut.
    @Test(arguments: FuzzTarget.all.map(\.name)) func mutationsAreReadOrRefused(name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let files = try Self.files(target).map { [UInt8](try Data(contentsOf: $0)) }
        var random = SplitMix64(state: 20_260_229)
        var readings = 0
        for _ in 0..<2_000 {
            guard var file = files.randomElement(using: &random), let other = files.randomElement(using: &random)
            else { return }
            var choice = random
            target.mutate(&file, &random) { part in
                let begin = Int.random(in: 0...part.count, using: &choice)
                let end = min(part.count, begin + Int.random(in: 0...8, using: &choice))
                let source = Int.random(in: 0...other.count, using: &choice)
                part.replaceSubrange(begin..<end, with: other[source...].prefix(Int.random(in: 0...8, using: &choice)))
            }
            target.read(file) { reading in
                reading()
                readings += 1
            }
        }
        #expect(readings > 2_000, "some must come further than the first rules")
    }
}

import Foundation
import SearchFunctions
import Sweeps
import Testing

/// The functions of Tests/Peers/search_functions.py, on which samplers are compared, are those of SearchProbe.
@Suite("Functions that samplers are compared on")
struct SearchFunctionTests {
    struct Row: Decodable {
        let function: String
        let point: [String: Scalar]
        let value: Double
    }

    struct Scalar: Decodable {
        let value: SweepValue

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Double.self) {
                value = SweepValue(number: number)
            } else {
                value = SweepValue(try container.decode(String.self))
            }
        }
    }

    private static func rows() throws -> [Row] {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../Fixtures/search-points.json")
        return try JSONDecoder().decode([Row].self, from: Data(contentsOf: file))
    }

    @Test("values at the points of search-points.json", arguments: SearchFunction.all.map(\.name))
    func values(name: String) throws {
        let function = try #require(SearchFunction.all.first { $0.name == name })
        let rows = try Self.rows().filter { $0.function == name }
        #expect(rows.count == 6)
        for row in rows {
            #expect(Set(row.point.keys).isSubset(of: function.space.dimensions.map(\.name)))
            let value = function.value(row.point.mapValues(\.value))
            #expect(abs(value - row.value) <= 1e-12 * max(1, abs(row.value)), "\(row.point)")
        }
    }

    @Test("no point is of an unknown function") func names() throws {
        #expect(Set(try Self.rows().map(\.function)) == Set(SearchFunction.all.map(\.name)))
    }

    @Test("the table of trainings is whole") func table() {
        let rows = FashionTable.committed.rows
        #expect(rows.count == 2_000)
        #expect(Set(rows.map(\.configuration)).count == rows.count)
        // What learned nothing is right in a tenth of ten classes or less; none is right in all after an epoch.
        #expect(rows.allSatisfy { (0.01...0.95).contains($0.accuracy) })
        #expect(Set(rows.map(\.accuracy)).count > 1_000)
    }

    @Test("its function has all of its configurations, and its best value") func minimum() throws {
        let fashion = try #require(SearchFunction.all.first { $0.name == "fashion" })
        #expect(fashion.space.count() == 2_000)
        var search = Search(fashion.space, method: .random, seed: 1, lag: 0)
        var found: [Double] = []
        while let point = search.suggest() {
            let values = Dictionary(
                fashion.space.values(at: point).map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
            found.append(fashion.value(values))
            search.record(found.last)
        }
        // Every row once: not only the best, but all values are those of the file.
        #expect(found.sorted() == FashionTable.committed.rows.map { 1 - $0.accuracy }.sorted())
        #expect(found.min() == 1 - FashionTable.committed.rows.map(\.accuracy).max()!)
    }
}

import Reports
import Testing

struct CurveOutlineTests {
    @Test func shortCurvesAreDrawnThroughAllTheirPoints() {
        let values = (0..<CurveOutline.limit).map { Double($0 * 7 % 13) }
        #expect(CurveOutline.indices(columns: values.indices.map { $0 / 50 }, values: values) == Array(values.indices))
    }

    @Test(arguments: [2_001, 30_000]) func longCurvesKeepWhatShowsInEachColumn(count: Int) {
        var generator = SplitMix64(state: 5)
        let values = (0..<count).map { _ in Double.random(in: 0...1, using: &generator) }
        let columns = (0..<count).map { $0 * 400 / count }
        let kept = CurveOutline.indices(columns: columns, values: values)
        #expect(kept.count <= 1_600 && zip(kept, kept.dropFirst()).allSatisfy { $0 < $1 })
        for column in 0..<400 {
            let all = columns.indices.filter { columns[$0] == column }
            let own = kept.filter { columns[$0] == column }
            #expect(own.first == all.first && own.last == all.last)
            #expect(own.map { values[$0] }.min() == all.map { values[$0] }.min())
            #expect(own.map { values[$0] }.max() == all.map { values[$0] }.max())
        }
    }
}

/// Which layers run over a few samples at a time, one after the other, before the next samples come: what one writes the
/// next finds in L2. An image's values after a convolution are many times the image.
package struct SampleBlocks: Sendable {
    /// Consecutive operations, or backward's steps, and how many samples go through them at a time; nil for all.
    struct Run: Sendable {
        let range: Range<Int>
        let samples: Int?

        /// Ranges of samples that cover `0..<sampleCount`; one, empty, for none.
        func forEachBlock(_ sampleCount: Int, _ body: (Range<Int>) throws -> Void) rethrows {
            guard let samples, samples < sampleCount else { return try body(0..<sampleCount) }
            var first = 0
            while first < sampleCount {
                let end = min(first + samples, sampleCount)
                try body(first..<end)
                first = end
            }
        }
    }

    let forward: [Run]
    let backward: [Run]

    /// Half of a small L2, since weights and gathered windows lie beside the values.
    package static let standardFloatCount = 131_072

    /// - Parameter floatCount: What the values of the samples at hand may take.
    init(_ operations: [Operation], memory: NetworkMemory, inputFeatures: Int, floatCount: Int) {
        func features(_ value: Int) -> Int {
            value == 0 ? inputFeatures : operations[value - 1].outputShape.elementCount
        }
        forward = Self.runs(count: operations.count, floatCount: floatCount) { index in
            guard let layer = operations[index].layer, layer.isSampleWise else { return nil }
            let (input, output) = (operations[index].inputs[0], index + 1)
            return [
                (memory.buffers[input], features(input)), (memory.buffers[output], features(output)),
            ]
        }
        backward = Self.runs(count: memory.steps.count, floatCount: floatCount) { number in
            guard case .inputGradient(let index, let source, let target) = memory.steps[number],
                let layer = operations[index].layer, layer.isSampleWise
            else { return nil }
            return [(source, layer.outputFeatures), (target, layer.inputFeatures)]
        }
    }

    /// - Parameter places: The memory that a step uses, each with its floats of a sample; nil where it must see all
    ///   samples. Steps are cut where a place would hold values of two sizes: a sample's would lie where others are.
    private static func runs(
        count: Int, floatCount: Int, _ places: (Int) -> [(place: Int, features: Int)]?
    ) -> [Run] {
        var runs: [Run] = []
        var first = 0
        while first < count {
            var known: [(place: Int, features: Int)] = []
            var end = first
            while end < count, let used = places(end),
                used.allSatisfy({ use in known.allSatisfy { $0.place != use.place || $0.features == use.features } })
            {
                for use in used where !known.contains(where: { $0.place == use.place }) { known.append(use) }
                end += 1
            }
            let floats = known.reduce(0) { $0 + $1.features }
            end = max(end, first + 1)
            runs.append(
                Run(range: first..<end, samples: end - first > 1 ? max(1, floatCount / max(1, floats)) : nil))
            first = end
        }
        return runs
    }
}

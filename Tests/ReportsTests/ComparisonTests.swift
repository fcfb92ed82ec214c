import Foundation
import Reports
import Surroundings
import Testing
import Training

@Suite("Where two runs part")
struct ComparisonTests {
    private func divergence(
        _ first: (inout TrainingOptions) -> Void, _ second: (inout TrainingOptions) -> Void
    ) throws -> RunDivergence? {
        try withTemporaryFolder { folder in
            try SmallRun.train("\(folder)/a", first)
            try SmallRun.train("\(folder)/b", second)
            return RunDivergence(
                try RunFiles(CheckpointLocation("\(folder)/a")), try RunFiles(CheckpointLocation("\(folder)/b")))
        }
    }

    @Test("nowhere, where the bits are the same")
    func same() throws { #expect(try divergence({ $0.hashEvery = 1 }, { $0.hashEvery = 1 }) == nil) }

    @Test("the first step and the tensors, from hashes of every step")
    func firstTensor() throws {
        let found = try divergence(
            { $0.hashEvery = 1 },
            {
                $0.hashEvery = 1
                $0.layers = "2: learning-rate 0.01"
            })
        #expect(found?.step == 1 && found?.epoch == 1 && found?.lastEqualStep == nil && found?.source == .hashes)
        #expect(found?.tensors == ["2.weight", "2.bias"])
    }

    /// The schedule of the second begins to differ with the second epoch, step 5.
    @Test("between two hashes, or two checkpoints", arguments: [(1, 5, 4), (2, 6, 4), (3, 6, 3), (nil, 8, 4)])
    func later(hashEvery: Int?, step: Int, lastEqual: Int) throws {
        let found = try divergence(
            { $0.hashEvery = hashEvery },
            {
                $0.hashEvery = hashEvery
                $0.schedule = "step 1 0.5"
            })
        #expect(found?.step == step && found?.lastEqualStep == lastEqual, "\(String(describing: found))")
        #expect(found?.source == (hashEvery == nil ? .checkpoints : .hashes) && found?.tensors.count == 4)
    }
}

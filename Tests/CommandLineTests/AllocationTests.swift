import Foundation
import Testing

extension CommandLineTests {
    /// What steps take of memory, counted inside of a training by a program that takes malloc's place.
    @Suite struct Allocations {
        struct Report: Decodable {
            let steps: Int
            let allocations: [UInt64]
            let residentBytesBefore: [UInt64]
            let residentBytesAfter: [UInt64]
        }

        static let ways =
            [Way(workers: 1), Way(workers: 2)]
            + (Program.hasRanks ? [Way(ranks: 1), Way(ranks: 2), Way(ranks: 3)] : [])
        /// The auto-encoder ends with seconds of principal components on one core: two ways only.
        static let cases =
            ["mlp-small", "mlp-deep", "mlp-wide", "mlp-bn", "cnn"].flatMap { name in ways.map { (name, $0) } }
            + ways.filter { $0.workers == 2 || $0.ranks == 2 }.map { ("autoencoder", $0) }

        private func train(
            _ network: String, epochs: Int, in folder: TemporaryFolder, _ way: Way, dataset: String
        ) throws -> (Report, diagnosis: String) {
            let result = try Program.run(
                [dataset, network, "\(epochs)"] + (way.workers.map { ["\($0)"] } ?? []), ranks: way.ranks,
                environment: way.environment, binary: Program.allocationProbe, folder: folder, withinSeconds: 120)
            try #require(result.exitCode == 0 && !result.timedOut, "\(result)")
            let report = try JSONDecoder().decode(Report.self, from: Data(result.standardOutput.utf8))
            #expect(report.allocations.count == way.ranks ?? way.workers)
            return (report, result.standardError)
        }

        /// The second epoch's steps from the second to the last, which is short.
        @Test(arguments: cases) func noStepAllocates(network: String, way: Way) throws {
            let folder = try TemporaryFolder()
            try WideDataset.write(in: folder)
            let (report, diagnosis) = try train(network, epochs: 2, in: folder, way, dataset: "./wide")
            #expect(report.steps >= 2)
            #expect(report.allocations.allSatisfy { $0 == 0 }, "\(report.allocations): \(diagnosis)")
        }

        @Test(arguments: ["mlp-small", "cnn"], ways) func noChangeOfAPictureAllocates(network: String, way: Way) throws
        {
            let folder = try TemporaryFolder()
            try WideDataset.write(in: folder)
            var way = way
            way.environment["PROBE_AUGMENT"] =
                "shift 2, rotate 10, elastic 2 7, flip, erase 0.5 8, noise 8, mixup 0.2, cutmix 1"
            let (report, diagnosis) = try train(network, epochs: 2, in: folder, way, dataset: "./wide")
            #expect(report.allocations.allSatisfy { $0 == 0 }, "\(report.allocations): \(diagnosis)")
        }

        /// After work was divided unevenly, in the first epoch.
        @Test(arguments: ["mlp-bn", "cnn"]) func noStepAllocatesAfterAChangeOfTheDivision(network: String) throws {
            let folder = try TemporaryFolder()
            try WideDataset.write(in: folder)
            let way = Way(workers: 2, environment: ["LOCKSTEP_BALANCE": "1,3@3"])
            let (report, diagnosis) = try train(network, epochs: 2, in: folder, way, dataset: "./wide")
            #expect(report.allocations.allSatisfy { $0 == 0 }, "\(report.allocations): \(diagnosis)")
        }

        /// 6,000 steps of a tiny network, of which the second half is watched: 100 bytes a step would be seen.
        @Test(arguments: ways) func memoryStaysFlat(way: Way) throws {
            let folder = try TemporaryFolder()
            try SmallDataset().write(in: folder)
            let (report, _) = try train("dense 4, relu, dense 10", epochs: 40, in: folder, way, dataset: "./data")
            for (before, after) in zip(report.residentBytesBefore, report.residentBytesAfter) {
                #expect(before > 0 && after < before + (256 << 10), "\(before) → \(after)")
            }
        }
    }
}

/// Images of 28×28 pixels, as the networks of the benchmark take them: the small data set's, each in a corner.
enum WideDataset {
    static func write(to name: String = "wide", in folder: TemporaryFolder) throws {
        let small = SmallDataset()
        for (prefix, part) in [("train", small.train), ("t10k", small.test)] {
            var images = [UInt8](repeating: 0, count: part.labels.count * 784)
            for index in part.images.indices {
                images[index / 64 * 784 + index % 64 / 8 * 28 + index % 8] = part.images[index]
            }
            let header = SmallDataset.header([UInt32(part.labels.count), 28, 28])
            try folder.write(header + images, to: "\(name)/\(prefix)-images-idx3-ubyte")
            try folder.write(part.labelFile, to: "\(name)/\(prefix)-labels-idx1-ubyte")
        }
    }
}

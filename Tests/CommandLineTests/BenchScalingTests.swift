import Foundation
import Testing

extension CommandLineTests {
    /// Figures are not judged here, but that they are there and fit each other.
    @Suite struct BenchScaling {
        struct Job: Sendable, CustomTestStringConvertible {
            let way: Way
            let hosts: [Int]
            var testDescription: String { "\(way) on hosts of \(hosts)" }
        }

        static let jobs =
            [Job(way: Way(workers: 1), hosts: [1]), Job(way: Way(workers: 2), hosts: [2])]
            + (Program.hasRanks
                ? [
                    Job(way: Way(ranks: 2), hosts: [2]),
                    Job(way: Way(ranks: 3, environment: ["LOCKSTEP_TRANSPORT": "hosts:2,1"]), hosts: [2, 1]),
                ] : [])

        private func run(_ arguments: [String], _ job: Job, _ bench: Workbench) throws -> Data {
            let result = try bench.run(
                ["bench"] + arguments + (job.way.workers.map { ["--workers", "\($0)"] } ?? []), ranks: job.way.ranks,
                environment: job.way.environment)
            try #require(result.exitCode == 0 && result.standardError == "", "\(result)")
            return Data(result.standardOutput.utf8)
        }

        struct Reduction: Decodable {
            let workers: Int
            let hosts: [Int]
            let results: [Size]
            let tree: Line

            struct Size: Decodable {
                let parameters, hostPayloadBytes: Int
                let treeMicroseconds: Double
                let plainMicroseconds: Double?
            }
            struct Line: Decodable { let latency, perByte: Double }
        }

        @Test(arguments: jobs) func reductionsAreTimed(job: Job) throws {
            let options = ["allreduce", "--parameters", "3000,40000", "--repetitions", "5"]
            let bench = try Workbench()
            let report = try JSONDecoder().decode(Reduction.self, from: try run(options + ["--json"], job, bench))
            #expect(report.hosts == job.hosts && report.workers == job.hosts.reduce(0, +))
            #expect(report.results.map(\.parameters) == [3_000, 40_000])
            for result in report.results {
                #expect(result.treeMicroseconds > 0)
                #expect((result.plainMicroseconds ?? 1) > 0)
                #expect((result.plainMicroseconds != nil) == (job.way.ranks != nil))
                // A third of 8 grains is no subtree, so a host sends more than 2 · (2 − 1) / 2 of the parameters.
                #expect((result.hostPayloadBytes > 4 * result.parameters) == (job.hosts.count > 1))
            }
            let text = String(decoding: try run(options, job, bench), as: UTF8.self)
            #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 }, "\(text)")
        }

        struct Scaling: Decodable {
            let result: Measured
            let sameBatch, growingBatch: [Row]

            struct Measured: Decodable {
                let hosts: [Int]
                let measuredMicroseconds: Double
                let predicted: Prediction
            }
            struct Row: Decodable {
                let prediction: Prediction
                let efficiency, plainEfficiency: Double
            }
            struct Prediction: Decodable {
                let workers, hosts, samples: Int
                let compute, link, memory, plainMicroseconds: Double
            }
        }

        @Test(arguments: jobs) func scalingIsPredicted(job: Job) throws {
            let bench = try Workbench()
            let options = ["scaling", "--dataset", "./data", "--model", SmallDataset.model, "--batch-size", "64"]
            let table = try JSONDecoder().decode(
                Scaling.self, from: try run(options + ["--json", "--plot", "page.html", "--up-to", "64"], job, bench))
            #expect(table.result.hosts == job.hosts && table.result.measuredMicroseconds > 0)
            #expect(table.result.predicted.workers == job.hosts.reduce(0, +))
            let isOneHost = job.hosts.count == 1
            #expect((table.result.predicted.link == 0) == isOneHost)
            #expect((table.result.predicted.memory == 0) == !job.hosts.contains { $0 > 1 })
            let workers = isOneHost ? (job.hosts[0] == 1 ? [1] : [1, 2]) : [1, 2, 4, 8, 16, 32, 64]
            #expect(table.sameBatch.map(\.prediction.workers) == workers)
            #expect(table.sameBatch.allSatisfy { $0.prediction.samples == 64 })
            #expect(table.sameBatch.allSatisfy { $0.efficiency > 0 && $0.plainEfficiency > 0 })
            #expect(
                zip(table.growingBatch, workers).allSatisfy {
                    $0.prediction.samples == table.growingBatch[0].prediction.samples * $1
                })
            let page = try String(contentsOfFile: "\(bench.folder.path)/page.html", encoding: .utf8)
            #expect(page.contains("Made by <code>lockstep bench scaling</code>") && page.contains("Samples a second"))
            let text = String(decoding: try run(options, job, bench), as: UTF8.self)
            #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 }, "\(text)")
        }

        /// One machine says what hosts like it would do.
        @Test func aLinkCanBeGiven() throws {
            let options = [
                "scaling", "--dataset", "./data", "--model", SmallDataset.model, "--batch-size", "64", "--json",
                "--link-rate", "125", "--up-to", "16",
            ]
            let table = try JSONDecoder().decode(
                Scaling.self, from: try run(options, Job(way: Way(workers: 2), hosts: [2]), Workbench()))
            #expect(table.sameBatch.map(\.prediction.hosts) == [1, 1, 2, 4, 8])
            #expect(table.sameBatch.map { $0.prediction.link > 0 } == [false, false, true, true, true])
        }

        @Test(arguments: [
            (["allreduce", "--grains", "0"], "--grains 0: "),
            (["allreduce", "--parameters", "5,x"], "--parameters 5,x: "),
            (["scaling", "--suite", "networks"], "--suite networks: one network is needed"),
            (["scaling", "--link-rate", "0"], "--link-rate 0.0: "),
            (["scaling", "--link-latency", "5"], "--link-latency is"),
            (["scaling", "--epochs", "2", "--samples", "5"], "--samples"),
        ])
        func refuses(arguments: [String], words: String) throws {
            let result = try Workbench().run(["bench"] + arguments)
            #expect(result.exitCode == 64 && result.standardError.hasPrefix("lockstep: \(words)"), "\(result)")
        }
    }
}

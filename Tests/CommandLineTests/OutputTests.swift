import Foundation
import Testing

extension CommandLineTests {
    @Suite struct OutputOfTraining {
        static let ways: [Int?] = [nil] + (Program.hasRanks ? [2] : [])

        private func lines(_ result: ChildProcess.Result) -> [Substring] {
            result.standardOutput.split(separator: "\n").filter { $0.hasPrefix("epoch ") }
        }

        /// Not a terminal: one line for each epoch, once for all ranks.
        @Test(arguments: ways) func oneLinePerEpoch(ranks: Int?) throws {
            let bench = try Workbench()
            let result = try bench.run(Workbench.training + ["--out", "run", "--epochs", "3"], ranks: ranks)
            #expect(result.exitCode == 0 && result.standardError == "", "\(result)")
            #expect(lines(result).map { $0.prefix(9) } == ["epoch 1/3", "epoch 2/3", "epoch 3/3"], "\(result)")
            #expect(!result.standardOutput.contains("\u{1B}") && !result.standardOutput.contains("\r"))
            let summary = try RunRecord("run", in: bench.folder).summary
            #expect(result.standardOutput.contains("sha256 \(summary.parametersSHA256)\n"))
            #expect(result.standardOutput.contains("results in run: "))
        }

        @Test(arguments: ways) func quietPrintsNothing(ranks: Int?) throws {
            let result = try Workbench().run(Workbench.training + ["--out", "run", "--quiet"], ranks: ranks)
            #expect(result.exitCode == 0 && result.allOutput == "", "\(result)")
        }

        /// A launch script that knows of a terminal says its width.
        @Test(.enabled(if: Program.hasRanks)) func aTerminalGetsABarAndNO_COLORIsHonoured() throws {
            func run(_ environment: [String: String]) throws -> String {
                let result = try Workbench().run(
                    Workbench.training + ["--out", "run"], ranks: 2,
                    environment: environment.merging(["LOCKSTEP_TERMINAL_WIDTH": "80"]) { $1 })
                #expect(result.exitCode == 0, "\(result)")
                return result.standardOutput
            }
            let (redraw, color) = ("\r\u{1B}[K", "m")
            func hasColor(_ text: String) -> Bool {
                text.split(separator: "\u{1B}[").dropFirst().contains { $0.drop(while: \.isNumber).hasPrefix(color) }
            }
            let plain = try run(["NO_COLOR": "1"])
            #expect(plain.contains(redraw) && !hasColor(plain), "\(plain)")
            let colored = try run([:])
            #expect(colored.contains(redraw) && hasColor(colored), "\(colored)")
            // no-color.org: an empty value does not count.
            #expect(hasColor(try run(["NO_COLOR": ""])))
        }

        /// The most memory that each rank had resident, sampled: the last milliseconds are not seen.
        @Test(.enabled(if: Program.hasRanks && Program.info.fashionMNIST != nil, "needs mpirun and Fashion-MNIST"))
        func memoryOfARankOnFashionMNIST() throws {
            let folder = try TemporaryFolder()
            let job = try Program.start(
                ["train", "--dataset", "fashion-mnist", "--epochs", "1", "--quiet", "--out", "run"], ranks: 2,
                folder: folder)
            var peaks: [Int: Int] = [:]
            var isRunning = true
            while isRunning && job.seconds < 60 {
                let ranks = job.ranks
                for (rank, process) in ranks {
                    // Before it has become our program, a rank is a copy of mpirun.
                    guard let bytes = RunningProcess.peakResidentByteCount(process) else { continue }
                    peaks[rank] = max(peaks[rank] ?? 0, bytes)
                }
                isRunning = !ranks.isEmpty || peaks.isEmpty
                usleep(10_000)
            }
            let result = job.finish(withinSeconds: 60)
            try #require(result.exitCode == 0, "\(result)")
            try #require(peaks.count == 2)
            for (rank, bytes) in peaks {
                let mebibytes = Double(bytes) / 1_048_576
                // Pixels alone are 52 MiB: a smaller figure would be one of something else.
                #expect(mebibytes > 45 && mebibytes < 150, "rank \(rank): \(mebibytes) MiB")
            }
        }
    }
}

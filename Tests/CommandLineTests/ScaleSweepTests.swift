import Foundation
import Testing

extension JobTests {
    /// `launch/scale-sweep`.
    @Suite(.enabled(if: Program.hasRanks, "mpirun is missing, or the program was built without MPI"))
    struct ScaleSweep {
        struct Row: Decodable {
            let ranks: Int
            let hosts: Int
            let samplesPerSecond: Double
            let efficiency: Double
            let hashes: [String]
        }

        @Test func threeNumbersOfRanksHaveOneHash() throws {
            let bench = try Workbench()
            let result = try Script.start(
                "scale-sweep",
                [
                    "--ranks", "1,2,3", "--oversubscribe", "--json", "s.json", "--markdown", "s.md", "--svg", "s.svg",
                    "--",
                ]
                    + Workbench.training,
                folder: bench.folder
            ).finish(withinSeconds: 60)
            #expect(result.exitCode == 0 && !result.timedOut, "\(result)")
            let rows = try JSONDecoder().decode([Row].self, from: bench.folder.read("s.json"))
            #expect(rows.map(\.ranks) == [1, 2, 3] && rows.allSatisfy { $0.hosts == 1 && $0.samplesPerSecond > 0 })
            #expect(rows[0].efficiency == 1)
            let hash = try bench.train().summary.parametersSHA256
            #expect(rows.allSatisfy { $0.hashes == [hash] })
            #expect(result.standardOutput.split(separator: "\n").count { $0.hasSuffix("\(hash.prefix(16))…") } == 3)
            #expect(try bench.folder.text("s.md").split(separator: "\n").count == 5)
            // A point for each, and the legend's.
            let plot = try bench.folder.text("s.svg")
            #expect(plot.hasPrefix("<svg ") && plot.components(separatedBy: "<circle ").count == 5)
        }

        /// A program whose bits depend on the number of ranks.
        @Test func otherBitsAreAnError() throws {
            let bench = try Workbench()
            let program = """
                #!/bin/bash
                extra=()
                ((OMPI_COMM_WORLD_SIZE != 2)) || extra=(--learning-rate 0.5)
                exec '\(Program.path)' "$@" "${extra[@]}"

                """
            try bench.folder.write(program.utf8, to: "differs")
            chmod(bench.folder.path + "/differs", 0o755)
            let result = try Script.start(
                "scale-sweep", ["--ranks", "1,2", "--oversubscribe", "--"] + Workbench.training,
                environment: ["LOCKSTEP_BINARY": bench.folder.path + "/differs"], folder: bench.folder
            ).finish(withinSeconds: 60)
            #expect(result.exitCode == 1 && result.standardError.contains("2 different hashes"), "\(result)")
        }
    }
}

import Foundation
import Testing

extension CommandLineTests {
    @Suite struct InfoAndBench {
        private func json(_ arguments: [String], ranks: Int? = nil) throws -> Any {
            let result = try Workbench().run(arguments + ["--json"], ranks: ranks)
            try #require(result.exitCode == 0 && result.standardError == "", "\(result)")
            return try JSONSerialization.jsonObject(with: Data(result.standardOutput.utf8))
        }

        @Test(arguments: [nil] + (Program.hasRanks ? [1, 3] : [])) func info(ranks: Int?) throws {
            let report = try #require(try json(["info"], ranks: ranks) as? [String: Any])
            #expect(report["launcher"] as? String == (ranks == nil ? "solo" : "mpi"))
            #expect((report["ranks"] as? [String])?.count == ranks ?? 1)
            #expect((report["cores"] as? Int ?? 0) >= 1 && (report["gigaflopsPerCore"] as? Double ?? 0) > 0)
            #expect(report["numericsVersion"] as? Int == 2)
            let set = try #require(report["instructionSet"] as? String)
            #expect((report["availableInstructionSets"] as? [String])?.contains(set) == true)

            let text = try Workbench().run(["info"], ranks: ranks)
            #expect(text.exitCode == 0 && text.standardError == "", "\(text)")
            #expect(text.standardOutput.contains(set) && !text.standardOutput.contains("\u{1B}"))
            #expect(text.standardOutput.contains("ranks     \(ranks.map { "\($0)," } ?? "none")"))
        }

        @Test func infoNamesTheForcedInstructionSet() throws {
            for set in Program.info.availableInstructionSets {
                let result = try Workbench().run(["info", "--json"], environment: ["LOCKSTEP_ISA": set])
                #expect(result.standardOutput.contains("\"instructionSet\" : \"\(set)\""), "\(result)")
            }
        }

        /// Fifteen seconds: once, under mpirun where there is one, where rank 0 alone measures and prints.
        @Test func benchGemm() throws {
            let ranks = Program.hasRanks ? 2 : nil
            let results = try #require(try json(["bench", "gemm"], ranks: ranks) as? [[String: Any]])
            #expect(!results.isEmpty)
            for result in results {
                #expect(Set(result.keys).isSuperset(of: ["m", "n", "k", "transpose", "gflops", "fractionOfPeak"]))
                #expect((result["gflops"] as? Double ?? 0) > 0 && (result["fractionOfPeak"] as? Double ?? 0) > 0)
            }
            #expect(Set(results.compactMap { $0["transpose"] as? String }).isSuperset(of: ["nn", "nt", "tn"]))
            // The column of OpenBLAS is there for all products or for none.
            #expect(Set(results.map { $0["openBLASGflops"] == nil }).count == 1)
            // Every network of the suite, whole and shared by two workers.
            let names = Set(results.compactMap { $0["name"] as? String })
            for network in ["mlp-small", "mlp-deep", "mlp-wide", "mlp-bn", "cnn", "autoencoder"] {
                #expect(names.isSuperset(of: [network, "\(network) / 2"]), "\(network)")
            }
        }
    }
}

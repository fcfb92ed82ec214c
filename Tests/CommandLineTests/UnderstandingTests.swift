import Foundation
import Testing

extension CommandLineTests {
    @Suite struct Understanding {
        @Test func explainShowsTheTextbookExample() throws {
            let text = try Workbench().run(["explain"])
            #expect(text.exitCode == 0 && text.standardError == "", "\(text)")
            for value in [
                "0.298371109", "0.35891648", "0.408666186", "0.511301270", "0.561370121", "0.149780716", "0.19956143",
                "0.24975114", "0.29950229",
            ] { #expect(text.standardOutput.contains(value), "\(value)") }
            #expect(!text.standardOutput.contains("DIFFERS") && !text.standardOutput.contains("\u{1B}"))
            for line in text.standardOutput.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }

            let markdown = try Workbench().run(["explain", "--format", "markdown"])
            #expect(markdown.exitCode == 0 && markdown.standardOutput.hasPrefix("# One step"), "\(markdown)")
            #expect(markdown.standardOutput.contains("| w5⁺ | 0.35891648 | 0.358916480 | agrees |"))
        }

        @Test func explainTakesAnyModelAndWeights() throws {
            let bench = try Workbench()
            let arguments = [
                "explain", "--model", "dense 2, relu, dense 1", "--input", "1,-2", "--target", "0.5",
                "--learning-rate", "0.1",
            ]
            let list = "0.5,0.25,-1,0.5,0,1,2,-3,0.25"
            let listed = try bench.run(arguments + ["--weights", list])
            try #require(listed.exitCode == 0 && listed.standardError == "", "\(listed)")
            // z = 0.5 · 1 + 0.25 · (−2) = 0 and −1 − 1 + 1 = −1: both units are silent.
            #expect(listed.standardOutput.contains("  z3_1 = w5 · a2_1 + w6 · a2_2 + b3"), "\(listed)")
            #expect(listed.standardOutput.contains("  z3_1   0.25      0.275"), "\(listed)")

            try bench.folder.write(Data(list.replacingOccurrences(of: ",", with: "\n").utf8), to: "weights.txt")
            let file = try bench.run(arguments + ["--weights", "weights.txt"])
            #expect(file.standardOutput == listed.standardOutput)
            let drawn = try bench.run(arguments + ["--seed", "2"])
            #expect(drawn.exitCode == 0 && drawn.standardOutput != listed.standardOutput)
            #expect(try bench.run(arguments + ["--seed", "2"]).standardOutput == drawn.standardOutput)
        }

        @Test(arguments: [
            (["--model", "dense 2"], 64, "--input and --target"),
            (["--model", "dense 2", "--input", "1,x", "--target", "0"], 64, "\"x\" is not a number"),
            (["--model", "dense 99, dense 9", "--input", "1,2", "--target", "0"], 65, "at most 200"),
            (["--model", "dense 2", "--input", "1,2", "--target", "2"], 65, "class 2 of 2"),
            (["--model", "dense 2", "--input", "1,2", "--target", "0", "--shape", "3"], 64, "--input has 2"),
            (["--model", "dense 2", "--input", "1,2", "--target", "0", "--loss", "msee"], 64, "did you mean mse?"),
            (["--weights", "none.txt"], 66, "none.txt"), (["--weights", "1,2"], 65, "2 weights for 12 parameters"),
            (["--shape", "2"], 64, "--shape"), (["--learning-rate", "-1"], 64, "--learning-rate"),
        ])
        func explainRefuses(arguments: [String], exitCode: Int32, part: String) throws {
            let result = try Workbench().run(["explain"] + arguments)
            #expect(result.exitCode == exitCode && result.standardError.contains(part), "\(result)")
            #expect(result.standardOutput == "" && result.standardError.split(separator: "\n").count == 1)
        }

        struct Report: Decodable {
            struct Row: Decodable {
                let what: String
                let checked: Int
                let elements: Int
                let passed: Bool
            }

            let instructionSet: String
            let passed: Bool
            let rows: [Row]
        }

        @Test(arguments: Program.info.availableInstructionSets)
        func checkGradients(instructionSet: String) throws {
            let result = try Workbench().run(
                ["check-gradients", "--json"], environment: ["LOCKSTEP_ISA": instructionSet])
            #expect(result.exitCode == 0 && result.standardError == "", "\(result)")
            let report = try JSONDecoder().decode(Report.self, from: Data(result.standardOutput.utf8))
            #expect(report.passed && report.instructionSet == instructionSet)
            #expect(report.rows.allSatisfy { $0.passed && $0.checked == $0.elements } && report.rows.count > 40)
        }

        @Test func checkGradientsOfAModel() throws {
            let arguments = ["check-gradients", "--model", "conv 2 3x3, tanh, dense 3", "--input", "6x5"]
            let text = try Workbench().run(arguments + ["--loss", "bce", "--elements", "10"])
            #expect(text.exitCode == 0 && text.standardError == "", "\(text)")
            for part in ["0.weight", "2.bias", "input", "ok of 150", "have the bits of the slow twins"] {
                #expect(text.standardOutput.contains(part), "\(part): \(text)")
            }
            let refused = try Workbench().run(["check-gradients", "--loss", "bce"])
            #expect(refused.exitCode == 64 && refused.standardError.contains("--loss has no meaning"), "\(refused)")
        }
    }
}

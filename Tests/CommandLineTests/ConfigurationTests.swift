import Foundation
import Testing

extension CommandLineTests {
    @Suite struct Configurations {
        static let trainings = [
            ["--batch-size", "48", "--grain", "5", "--beta1", "0.8", "--epsilon", "1e-7", "--hash-every", "7"],
            [
                "--optimizer", "sgd", "--momentum", "0.5", "--learning-rate", "0.037", "--validation-split", "0.3",
                "--split-seed", "18446744073709551615", "--steps", "9",
            ],
        ]

        /// What a run has saved is all that it takes to repeat it.
        @Test(arguments: trainings) func aSavedConfigurationRepeatsTheRun(arguments: [String]) throws {
            let bench = try Workbench()
            let first = try bench.train(arguments, out: "first")
            let again = try bench.record(
                ["train", "first/config.yaml", "--out", "again", "--quiet"], as: Way(workers: 2), out: "again")
            #expect(again.checkpoint == first.checkpoint && again.metrics == first.metrics)
            #expect(again.configuration == first.configuration)
            #expect(again.summary.parametersSHA256 == first.summary.parametersSHA256)
        }

        @Test func anOptionOverridesTheFile() throws {
            let bench = try Workbench()
            let yaml = "dataset: ./data\nmodel: \"\(SmallDataset.model)\"\nepochs: 2\nseed: 3\nbatch_size: 50\n"
            try bench.folder.write(yaml.utf8, to: "small.yaml")
            let command = ["train", "small.yaml", "--quiet", "--out"]
            let file = try bench.record(command + ["file"], as: Way(workers: 1), out: "file")
            let overridden = try bench.record(command + ["seven", "--seed", "7"], as: Way(workers: 1), out: "seven")
            let expected = try bench.train(["--batch-size", "50"], out: "options")
            #expect(file.checkpoint != expected.checkpoint)
            #expect(overridden.checkpoint == expected.checkpoint && overridden.metrics == expected.metrics)
            #expect(overridden.configuration == expected.configuration)
            #expect(String(decoding: overridden.configuration, as: UTF8.self).contains("\nseed: 7\n"))
        }

        /// Without `--out` runs are numbered.
        @Test func runsGetFoldersOfTheirOwn() throws {
            let bench = try Workbench()
            for number in 1...2 {
                let result = try bench.run(Workbench.training + ["--steps", "1", "--quiet"])
                #expect(result.exitCode == 0, "\(result)")
                #expect(bench.folder.exists("runs/data-\(number)/summary.json"))
            }
        }
    }
}

import Foundation
import Testing

extension CommandLineTests {
    @Suite struct DataSets {
        private func data(
            _ bench: Workbench, _ arguments: [String], environment: [String: String] = [:]
        ) throws -> ChildProcess.Result {
            try bench.run(["data"] + arguments, environment: environment)
        }

        @Test func listsTheCatalogue() throws {
            let bench = try Workbench()
            let environment = ["LOCKSTEP_DATA": bench.folder.path]
            try SmallDataset().write(to: "kmnist", in: bench.folder)
            let all = try data(bench, ["list"], environment: environment)
            #expect(all.exitCode == 0)
            for name in [
                "fashion-mnist", "mnist", "kmnist", "qmnist", "qmnist-10k", "qmnist-50k", "qmnist-nist",
                "synthetic-digits",
            ] {
                #expect(all.standardOutput.contains("\(name) "), "\(name)")
            }
            #expect(all.standardOutput.contains("\(bench.folder.path)/kmnist"))
            for line in all.standardOutput.split(separator: "\n") { #expect(line.count <= 80 || line.contains("/")) }

            struct Record: Decodable {
                struct File: Decodable { let name: String, checksum: String, checksumSource: String }
                let name: String, folder: String?, license: String, citation: String, files: [File]
            }
            let json = try data(bench, ["list", "--json"], environment: environment).standardOutput
            let records = try JSONDecoder().decode([Record].self, from: Data(json.utf8))
            #expect(records.first { $0.name == "kmnist" }?.folder == "\(bench.folder.path)/kmnist")
            #expect(
                records.allSatisfy {
                    $0.files.count == ($0.name.hasPrefix("qmnist-nist") ? 2 : 4) && !$0.license.isEmpty
                })
            let one = try data(bench, ["list", "kmnist"], environment: environment).standardOutput
            for text in ["CC BY-SA 4.0", "arXiv:1812.01718", "SHA-256 (TensorFlow Datasets)", "codh.rois.ac.jp", "tsu"]
            {
                #expect(one.contains(text))
            }
            let wrong = try data(bench, ["list", "kmnits"])
            #expect(wrong.exitCode == 66 && wrong.standardError.contains("did you mean kmnist?"))
        }

        @Test func showsPicturesAndFigures() throws {
            let bench = try Workbench()
            let shown = try data(bench, ["show", "./data"])
            #expect(shown.exitCode == 0)
            let lines = shown.standardOutput.split(separator: "\n", omittingEmptySubsequences: false)
            #expect(lines.allSatisfy { $0.count <= 80 })
            // Two rows of five pictures of seven lines, without colours where nobody watches.
            #expect(lines[8].split(separator: "class").count == 5)
            #expect(!shown.standardOutput.contains("\u{1B}"))
            #expect(shown.standardOutput.unicodeScalars.contains { (0x2801...0x28FF).contains($0.value) })
            struct Report: Decodable {
                struct Part: Decodable { let part: String, count: Int, classCounts: [Int], mean: Double }
                let parts: [Part], classNames: [String]
            }
            let json = try data(bench, ["show", "./data", "--json"]).standardOutput
            let report = try JSONDecoder().decode(Report.self, from: Data(json.utf8))
            let train = SmallDataset().train
            #expect(report.parts.map(\.part) == ["train", "test"])
            #expect(report.parts[0].classCounts == (0..<10).map { label in train.labels.count { $0 == UInt8(label) } })
            let sum = train.images.reduce(0) { $0 + Int($1) }
            #expect(report.parts[0].mean == Double(sum) / Double(train.images.count) / 255)
            let some = try data(bench, ["show", "./data", "--split", "test", "--from", "97", "--count", "9"])
            #expect(some.standardOutput.contains("99: class \(SmallDataset().test.labels[99])"))
            for arguments in [["--from", "100"], ["--from", "-1"], ["--count", "0"], ["--split", "exam"]] {
                #expect(try data(bench, ["show", "./data", "--split", "test"] + arguments).exitCode == 64)
            }
            #expect(try data(bench, ["show", "./data", "--split", "validation"]).exitCode == 66)
        }

        @Test func verifiesNames() throws {
            let bench = try Workbench()
            let folder = try data(bench, ["verify", "./data"])
            #expect(folder.exitCode == 0)
            #expect(
                folder.standardOutput.contains("600 + 100 images; can be read; its content is not in the catalogue"))
            try SmallDataset().write(to: "mnist", in: bench.folder)
            let liar = try data(bench, ["verify", "mnist"], environment: ["LOCKSTEP_DATA": bench.folder.path])
            #expect(liar.exitCode == 65)
            #expect(liar.standardError.contains("mnist/train-images-idx3-ubyte: is not what is published"))
            #expect(liar.standardError.split(separator: "\n").count == 1)
        }

        /// What `split` holds out is what `train --validation-split` holds out, and every format trains to the same bits.
        @Test(arguments: ["idx", "idx-gz", "npz", "csv"])
        func convertedDataTrainToTheSameBits(format: String) throws {
            let bench = try Workbench()
            let plain = try bench.train().summary
            let converted = try data(bench, ["convert", "./data", "--format", format, "-o", "new/data"])
            #expect(converted.exitCode == 0, "\(converted)")
            let model = ["--dataset", "./new/data"]
            #expect(try bench.train(model, out: "again").summary.parametersSHA256 == plain.parametersSHA256)
            let again = try data(bench, ["convert", "./data", "-o", "new/data"])
            #expect(again.exitCode == 73 && again.standardError.contains("is there already"))
        }

        @Test func splitsAsTrainingDoes() throws {
            let bench = try Workbench()
            let held = try bench.train(["--validation-split", "0.2", "--split-seed", "5"]).summary
            let split = try data(
                bench, ["split", "./data", "--validation", "0.2", "--split-seed", "5", "-o", "parts"])
            #expect(
                split.standardOutput
                    == "parts: 480 train, 120 validation, 100 test images of 8 × 8 × 1, 10 classes, as idx\n")
            // The order of an epoch is a permutation of the train part, whichever way it was made.
            let parts = try bench.train(["--dataset", "./parts"], out: "again").summary
            #expect(parts.parametersSHA256 == held.parametersSHA256)
            let two = try data(
                bench,
                [
                    "split", "./data", "--fold", "2/3", "--stratified", "--classes", "0+1,2", "--limit", "90", "-o",
                    "two",
                ])
            #expect(two.standardOutput.hasPrefix("two: 60 train, 30 validation,"), "\(two)")
            for (arguments, code) in [
                ([], 64), (["--validation", "1"], 64), (["--validation", "0.1", "--fold", "1/2"], 64),
                (["--fold", "3/2"], 64),
                (["--test", "0.1"], 64), (["--validation", "0.1", "--classes", "12"], 64),
                (["--validation", "0.1", "--resize", "0x3"], 64), (["--validation", "0.1", "--limit", "0"], 64),
                (["--validation", "0.0001"], 65),
            ] as [([String], Int32)] {
                let refused = try data(bench, ["split", "./data", "-o", "refused"] + arguments)
                #expect(refused.exitCode == code, "\(arguments): \(refused)")
                #expect(refused.standardError.split(separator: "\n").count == 1)
                #expect(!bench.folder.exists("refused"))
            }
        }

        /// The pictures of a sheet are those that training sees, by the definitions.
        @Test func showsWhatTrainingSees() throws {
            let bench = try Workbench()
            let text = "shift 1, rotate 20, mixup 0.4"
            let shown = try data(
                bench,
                [
                    "show", "./data", "--from", "3", "--count", "2", "--augment", text, "--epochs", "3", "--seed", "9",
                    "--out", "sheet.pgm",
                ])
            #expect(
                shown.exitCode == 0 && shown.standardOutput == "sheet.pgm: 2 samples, each with 3 epochs of \(text)\n")
            let file = [UInt8](try bench.folder.read("sheet.pgm"))
            // Two rows of four pictures of 8 × 8, with two grey pixels around each.
            let header = Array("P5\n42 22\n255\n".utf8)
            #expect(file.starts(with: header) && file.count == header.count + 42 * 22)
            func picture(_ row: Int, _ column: Int) -> [UInt8] {
                (0..<8).flatMap { line in
                    let begin = header.count + (2 + row * 10 + line) * 42 + 2 + column * 10
                    return Array(file[begin..<begin + 8])
                }
            }
            let images = SmallDataset().train.images
            for row in 0..<2 { #expect(picture(row, 0) == Array(images[(3 + row) * 64..<(4 + row) * 64])) }
            #expect(Set((0..<4).flatMap { [picture(0, $0), picture(1, $0)] }).count == 8)
            let again = try data(bench, ["show", "./data", "--augment", text, "--out", "sheet.pgm"])
            #expect(again.exitCode == 73 && again.standardError.contains("sheet.pgm"))
            let lines = try data(bench, ["show", "./data", "--augment", "flip", "--count", "2", "--epochs", "1"])
            #expect(lines.exitCode == 0 && lines.standardOutput.contains("epoch 1"), "\(lines)")
        }

        @Test func fetchRefusesWhatIsWrong() throws {
            let bench = try Workbench()
            for (arguments, code, text) in [
                (["mnits"], 66, "did you mean mnist?"),
                (["mnist", "--mirror", "ftp://x/"], 64, "begins with https://"),
                (["mnist", "--patience", "0"], 64, "1 to 3600"),
                (
                    ["mnist", "--mirror", "http://127.0.0.1:9/", "--patience", "2"], 74,
                    "put train-images-idx3-ubyte.gz, train-labels"
                ),
            ] as [([String], Int32, String)] {
                let result = try data(bench, ["fetch", "--data-dir", "fetched"] + arguments)
                #expect(result.exitCode == code, "\(result)")
                #expect(result.standardError.contains(text), "\(result)")
            }
        }

        /// Synthetic digits, drawn in memory or mapped from the cache, by any number of workers.
        @Test func theCacheDoesNotChangeBits() throws {
            let bench = try Workbench()
            let training = [
                "train", "--dataset", "synthetic-digits:21500+60@4", "--model", "dense 16, relu, dense 10", "--steps",
                "30",
                "--epochs", "1", "--quiet", "--out",
            ]
            let cache = ["LOCKSTEP_CACHE": bench.folder.path + "/cache"]
            let plain = try bench.record(training + ["plain"], as: Way(workers: 1), out: "plain")
            for (number, way)
                in ([Way(workers: 1, environment: cache), Way(workers: 2, environment: cache)]
                + (Program.hasRanks ? [Way(ranks: 2, environment: cache)] : [])).enumerated()
            {
                let record = try bench.record(training + ["run\(number)"], as: way, out: "run\(number)")
                #expect(record.summary.parametersSHA256 == plain.summary.parametersSHA256)
                #expect(record.metrics == plain.metrics)
            }
            let kept = try data(bench, ["cache"], environment: cache).standardOutput
            #expect(kept.contains("/cache: 1 data set\n") && kept.contains("synthetic-digits-"))
            #expect(
                try data(bench, ["cache", "--clear"], environment: cache).standardOutput.contains(
                    "/cache: 0 data sets\n"))
            #expect(try data(bench, ["cache"]).exitCode == 64)
        }
    }
}

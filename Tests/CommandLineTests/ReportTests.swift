import Foundation
import Testing

extension CommandLineTests {
    @Suite struct Reports {
        struct Figures: Decodable {
            let kind: String
            let name: String?
            let classification: Classification?
            let reconstruction: Reconstruction?
            let tests: [Pair]?
            let phases: [Bar]?
        }

        struct Classification: Decodable {
            let parametersSHA256: String
            let checkpoint: String
            let sampleCount: Int
            let accuracy: Rate?
            let confusionMatrix: [[Int]]
            let mistakes: [String: [Mistake]]
        }

        struct Rate: Decodable {
            let value: Double
        }

        struct Mistake: Decodable {
            let sample: Int
            let confidence: Double?
        }

        struct Reconstruction: Decodable {
            let meanSquaredError: Double
            let bottleneck: Int
            let explainedVariance: [Double]
        }

        struct Pair: Decodable {
            struct Test: Decodable {
                let onlyFirst: Int
                let onlySecond: Int
            }

            let first: String
            let second: String
            let test: Test
        }

        struct Bar: Decodable {
            let worker: String
        }

        private struct Evaluation: Decodable {
            let accuracy: Double?
            let loss: Double
            let confusionMatrix: [[Int]]?
        }

        private func page(_ bench: Workbench, _ words: [String], out: String = "page.html") throws -> String {
            let result = try bench.run(["report", "-o", out] + words)
            try #require(result.exitCode == 0 && result.standardError == "", "\(result)")
            let html = try bench.folder.text(out)
            #expect(result.standardOutput.hasPrefix("\(out): "))
            // Nothing is asked for: no address but pictures in the page itself.
            for word in ["http:", "https:", "src=\"/", "@import", "<script>alert"] {
                #expect(!html.contains(word), "\(word)")
            }
            return html
        }

        private func figures(_ html: String) throws -> Figures {
            let begin = try #require(html.range(of: "id=\"figures\">"))
            let end = try #require(html.range(of: "</script>", range: begin.upperBound..<html.endIndex))
            return try JSONDecoder().decode(Figures.self, from: Data(html[begin.upperBound..<end.lowerBound].utf8))
        }

        private func matrix(_ bench: Workbench, _ checkpoint: String) throws -> Evaluation {
            let result = try bench.run(["evaluate", "--json", checkpoint, "--dataset", "./data"])
            return try JSONDecoder().decode(Evaluation.self, from: Data(result.standardOutput.utf8))
        }

        @Test func ofBottlenecks() throws {
            let bench = try Workbench()
            for count in [2, 6] {
                _ = try bench.train(
                    ["--model", "dense \(count), dense 64", "--target", "input", "--loss", "mse", "--epochs", "1"],
                    out: "code\(count)")
            }
            let page = try page(bench, ["code2", "code6"])
            #expect(page.contains("as many principal components"))
            #expect(try !self.page(bench, ["code2", "code2/"]).contains("as many principal components"))
        }

        /// The page's numbers are those of `evaluate`, of the predictions that are exported, and the same every time.
        @Test func ofARun() throws {
            let bench = try Workbench()
            let name = "<script>alert(1)<"
            _ = try bench.train(["--epochs", "1", "--metric", "test-loss"], out: name)
            let html = try page(bench, [name, "--predictions", "predictions.csv"])
            #expect(html == (try page(bench, [name], out: "again.html")) && html.utf8.count < 2_000_000)
            #expect(html.contains("<h1>&lt;script&gt;alert(1)&lt;</h1>"))
            let figures = try figures(html)
            let results = try #require(figures.classification)
            #expect(figures.kind == "run" && figures.name == name && results.checkpoint.hasSuffix("best.safetensors"))
            let evaluation = try matrix(bench, "\(name)/checkpoints/best.safetensors")
            #expect(results.confusionMatrix == evaluation.confusionMatrix)
            #expect(results.accuracy?.value == evaluation.accuracy && results.sampleCount == 100)
            var wrong: [String: [Int]] = [:]
            let lines = try bench.folder.text("predictions.csv").split(separator: "\n")
            #expect(lines.count == 101 && lines[0].hasPrefix("sample,label,predicted,p0,p1,"))
            for line in lines.dropFirst() {
                let fields = line.split(separator: ",")
                #expect(abs(fields.dropFirst(3).compactMap { Double($0) }.reduce(0, +) - 1) < 1e-9)
                guard fields[1] != fields[2] else { continue }
                wrong["\(fields[1]),\(fields[2])", default: []].append(Int(fields[0])!)
            }
            #expect(!wrong.isEmpty && Set(results.mistakes.keys) == Set(wrong.keys))
            for (cell, entries) in results.mistakes {
                #expect(entries.count == min(24, wrong[cell]?.count ?? 0))
                #expect(Set(entries.map(\.sample)).isSubset(of: wrong[cell] ?? []))
                let confidences = entries.compactMap(\.confidence)
                #expect(confidences == confidences.sorted(by: >))
            }
            for id in [
                "result", "training", "confusion", "classes", "calibration", "surest", "weights", "configuration",
            ] {
                #expect(html.contains("<section id=\"\(id)\""), "\(id)")
            }
            // The command on the page trains the same weights.
            let command = try #require(html.range(of: "lockstep train [^<]*", options: .regularExpression))
            let text = html[command].replacingOccurrences(of: "&#39;", with: "'").dropFirst("lockstep ".count)
            try bench.folder.write(
                "exec '\(Program.path)' \(text) --out again --quiet".utf8, to: "again.sh")
            let again = try ChildProcess(
                "/bin/sh", ["\(bench.folder.path)/again.sh"], environment: ["LOCKSTEP_CACHE": "off"],
                folder: bench.folder
            ).finish(withinSeconds: 30)
            #expect(again.exitCode == 0, "\(again)")
            #expect(
                try RunRecord("again", in: bench.folder).summary.parametersSHA256
                    == RunRecord(name, in: bench.folder).summary.parametersSHA256)
        }

        /// Whatever is missing or damaged, there is a page that names it.
        @Test(arguments: ["config.yaml", "metrics.jsonl", "summary.json", "checkpoints", "data"], [false, true])
        func ofADamagedRun(file: String, isRemoved: Bool) throws {
            let bench = try Workbench()
            _ = try bench.train()
            let places =
                switch file {
                case "checkpoints":
                    try FileManager.default.contentsOfDirectory(atPath: "\(bench.folder.path)/run/checkpoints").map {
                        "run/checkpoints/\($0)"
                    }
                case "data": ["data/t10k-images-idx3-ubyte"]
                default: ["run/\(file)"]
                }
            for place in places {
                if isRemoved {
                    try FileManager.default.removeItem(atPath: "\(bench.folder.path)/\(place)")
                } else {
                    try bench.folder.write(try bench.folder.read(place).dropLast(20) + [0xff, 0x7b], to: place)
                }
            }
            let html = try page(bench, ["run"])
            #expect(html.contains("id=\"problems\""), "\(file)")
            let named = file == "data" ? "data" : file
            #expect(html.components(separatedBy: "<section id=\"problems\"")[1].contains(named), "\(file)")
            let results = try figures(html).classification
            #expect((results == nil) == ["checkpoints", "data"].contains(file), "\(file)")
        }

        @Test func ofAnAutoencoder() throws {
            let bench = try Workbench()
            let summary = try bench.train([
                "--model", "dense 16, relu, dense 4, dense 16, relu, dense 64", "--target", "input", "--loss", "mse",
            ]).summary
            let html = try page(bench, ["run"])
            let results = try #require(try figures(html).reconstruction)
            #expect(abs(results.meanSquaredError - summary.testLoss) < 1e-6 * summary.testLoss)
            #expect(results.bottleneck == 4 && results.explainedVariance.count == 2)
            #expect(html.contains("<section id=\"latent\""))
        }

        @Test func ofSeveralRuns() throws {
            let bench = try Workbench()
            let runs = ["a", "b", "c"]
            for (name, more) in zip(runs, [[], ["--seed", "8"], ["--learning-rate", "0.01"]]) {
                _ = try bench.train(["--epochs", "2"] + more, out: name)
            }
            var right: [String: [Bool]] = [:]
            for name in runs {
                _ = try page(bench, [name, "--predictions", "\(name).csv"])
                right[name] = try bench.folder.text("\(name).csv").split(separator: "\n").dropFirst().map { line in
                    let fields = line.split(separator: ",")
                    return fields[1] == fields[2]
                }
            }
            let html = try page(bench, runs)
            let tests = try #require(try figures(html).tests)
            #expect(tests.map { [$0.first, $0.second] } == [["a", "b"], ["a", "c"], ["b", "c"]])
            for pair in tests {
                let both = zip(right[pair.first] ?? [], right[pair.second] ?? [])
                #expect(pair.test.onlyFirst == both.count { $0 && !$1 })
                #expect(pair.test.onlySecond == both.count { !$0 && $1 })
            }
            // Runs of two seeds share a curve with a band, the third has its own.
            #expect(html.contains("a and 1 other seed") && html.contains("class=\"band f0\""))
            #expect(html.contains("<th scope=\"col\">learning-rate</th>"))
            #expect(!html.contains("<th scope=\"col\">optimizer</th>"))
        }

        @Test func tracesAreShown() throws {
            let bench = try Workbench()
            _ = try bench.train()
            let trace = try bench.run([
                "bench", "step", "--model", "dense 8, relu, dense 10", "--workers", "2", "--dataset", "./data",
                "--trace",
                "run/trace.json",
            ])
            try #require(trace.exitCode == 0, "\(trace)")
            let html = try page(bench, ["run"])
            #expect(try #require(try figures(html).phases).count == 2 && html.contains("<title>dW: "))
            try bench.folder.write("[]".utf8, to: "run/trace.json")
            #expect(try page(bench, ["run"]).contains("holds no phase of a step"))
        }

        @Test func refusals() throws {
            let bench = try Workbench()
            for (words, code) in [
                (["none"], Int32(66)), (["data"], 66), (["data/t10k-labels-idx1-ubyte"], 65), ([], 64),
            ] {
                let result = try bench.run(["report"] + words)
                #expect(result.exitCode == code && !bench.folder.exists("report.html"), "\(result)")
            }
        }
    }
}

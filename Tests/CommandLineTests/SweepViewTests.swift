import Foundation
import Testing

extension CommandLineTests {
    /// `sweep list`, `best` and `status`.
    @Suite struct SweepViews {
        /// Six trials, of which the last fails.
        private static let file = """
            method: grid
            name: small
            metric: {name: train_loss, goal: minimize}
            parameters:
              dataset: {value: ./data}
              family: {value: mlp}
              hidden_layers: {value: 1}
              hidden_size: {value: 8}
              optimizer: {values: [adam, nag, sgd]}
              lr: {values: [0.01, 0.1]}
              steps: {value: 20}
            points:
              - {optimizer: sgd, lr: 1e30}

            """

        private func sweep() throws -> Workbench {
            let bench = try Workbench()
            try bench.folder.write(Self.file.utf8, to: "sweep.yaml")
            let result = try bench.run(["sweep", "sweep.yaml", "--out", "out", "--quiet"])
            guard result.exitCode == 0 else { throw TestError("\(result)") }
            return bench
        }

        @Test func filtersCombineAndOrderIsAsAsked() throws {
            let bench = try sweep()
            let all = try bench.trials(in: "out")
            #expect(all.count == 7 && all.allSatisfy { $0.attempts == 1 && $0.group != nil })
            let failed = all.filter { $0.state == "failed" }.map(\.number)
            #expect(failed == [7])
            #expect(try bench.trials(in: "out", ["--state", "failed"]).map(\.number) == failed)
            let some = try bench.trials(
                in: "out", ["--where", "optimiser=nesterov", "--where", "lr>=0.1", "--state", "finished,stopped"])
            #expect(some.count == 1)
            let best = try bench.trials(in: "out", ["--sort", "value", "--limit", "3"])
            let values = all.compactMap(\.value).sorted()
            #expect(best.map(\.value) == values.prefix(3).map { $0 })
            #expect(try bench.trials(in: "out", command: "best", ["--top", "3"]).map(\.number) == best.map(\.number))
            #expect(try bench.trials(in: "out", ["--where", "trainLoss<=\(values[1])"]).count == 2)
        }

        static let mistakes: [([String], String)] = [
            (["--where", "optimzer=adam"], "did you mean optimizer?"), (["--where", "lr<fast"], "compares numbers"),
            (["--state", "finishd"], "did you mean finished?"), (["--limit", "0"], "at least 1"),
            (["--json", "--csv"], "exclude each other"), (["--sort", "size"], "--sort"),
        ]

        @Test(arguments: mistakes) func aMistakeIsSaid(words: [String], part: String) throws {
            let bench = try sweep()
            let result = try bench.run(["sweep", "list", "out"] + words)
            #expect(result.exitCode == 64 && result.standardOutput == "", "\(result)")
            #expect(result.standardError.contains(part), "\(result)")
        }

        /// By Python's own reader.
        @Test(.enabled(if: Program.python != nil)) func anotherReaderReadsTheCSV() throws {
            let bench = try sweep()
            let written = try bench.run(["sweep", "list", "out", "--csv", "--out", "trials.csv"])
            #expect(written.exitCode == 0 && written.allOutput == "", "\(written)")
            #expect(try bench.run(["sweep", "list", "out", "--csv"]).standardOutput == bench.folder.text("trials.csv"))
            let program = """
                import csv, json
                with open("trials.csv", newline="") as file:
                    print(json.dumps(list(csv.DictReader(file, strict=True))))
                """
            let read = try ChildProcess(
                Program.python!, ["-c", program], environment: [:], folder: bench.folder
            ).finish(withinSeconds: 60)
            let rows = try JSONDecoder().decode([[String: String]].self, from: Data(read.standardOutput.utf8))
            let all = try bench.trials(in: "out")
            #expect(rows.map { $0["number"] } == all.map { "\($0.number)" })
            #expect(rows.map { $0["value"].flatMap(Double.init) } == all.map(\.value))
            #expect(rows.map { $0["sha256"] } == all.map { $0.parametersSHA256 ?? "" })
            #expect(
                rows.prefix(6).map { $0["optimizer"] ?? "" } == ["adam", "nesterov", "sgd", "adam", "nesterov", "sgd"])
            #expect(rows[6]["reason"]?.isEmpty == false && rows[6]["metric"] == "trainLoss")
        }

        private struct Status: Decodable {
            struct Running: Decodable {
                let number: Int
                let since: String?
                let group: Int?
            }

            struct Session: Decodable {
                let number: Int
                let ended: String?
                let workers: Int
                let hosts: [String]
            }

            let total: Int?
            let isRunning: Bool
            let counts: [String: Int]
            let running: [Running]
            let sessions: [Session]
            let trialsPerHour: Double?
        }

        private func status(_ bench: Workbench) throws -> Status {
            let result = try bench.run(["sweep", "status", "out", "--json"])
            guard result.exitCode == 0 else { throw TestError("\(result)") }
            return try JSONDecoder().decode(Status.self, from: Data(result.standardOutput.utf8))
        }

        /// While it runs, after it was killed, and at the end.
        @Test func statusFollowsASweep() throws {
            let bench = try Workbench()
            let text = Self.file.replacingOccurrences(of: "steps: {value: 20}", with: "epochs: {value: 2000}")
            try bench.folder.write(text.utf8, to: "sweep.yaml")
            let job = try bench.start(["sweep", "sweep.yaml", "--out", "out", "--quiet", "--workers", "2"])
            var seen: Status?
            try job.wait(for: "a trial that runs behind one that has ended") {
                guard bench.folder.exists("out/overrides.yaml") else { return false }
                let now = try status(bench)
                guard now.counts["finished"]! >= 1, !now.running.isEmpty else { return false }
                seen = now
                return true
            }
            let during = try #require(seen)
            #expect(during.isRunning && during.running.count <= 2 && during.running[0].since != nil)
            #expect(during.running[0].group != nil && during.total == 7 && during.trialsPerHour ?? 0 > 0)
            #expect(
                during.sessions.count == 1 && during.sessions[0].workers == 2 && during.sessions[0].hosts.count == 1)
            let words = try bench.run(["sweep", "status", "out"])
            #expect(words.exitCode == 0 && words.standardOutput.contains("trials an hour, about "), "\(words)")
            kill(job.process, SIGKILL)
            _ = job.finish(withinSeconds: 30)

            let dead = try status(bench)
            #expect(!dead.isRunning && dead.running.isEmpty && dead.sessions[0].ended == nil)
            let killed = try bench.run(["sweep", "status", "out"]).standardOutput
            #expect(killed.contains("was killed after"), "\(killed)")
            #expect(try bench.run(["sweep", "sweep.yaml", "--out", "out", "--quiet"]).exitCode == 0)
            let over = try status(bench)
            #expect(over.counts["finished"] == 6 && over.counts["failed"] == 1 && over.counts["pending"] == 0)
            #expect(over.sessions.count == 2 && over.sessions[1].ended != nil && !over.isRunning)
            // How often each was started: those that ran when it was killed twice.
            #expect((8...9).contains(try bench.trials(in: "out").map(\.attempts).reduce(0, +)))
        }

        @Test(.enabled(if: Program.hasRanks)) func linesFitATerminal() throws {
            let bench = try sweep()
            let environment = ["LOCKSTEP_TERMINAL_WIDTH": "80", "NO_COLOR": "1"]
            for words in [
                ["list", "out"], ["best", "out", "--top", "3"], ["status", "out"], ["list", "out", "--sort", "value"],
            ] {
                let result = try bench.run(["sweep"] + words, ranks: 1, environment: environment)
                let lines = result.standardOutput.split(separator: "\n")
                #expect(result.exitCode == 0 && lines.count > 3, "\(result)")
                // What explains the table may be longer.
                let table = lines.prefix { !$0.contains(": ") || words[0] == "status" }
                #expect(table.allSatisfy { $0.count <= 80 }, "\(result.standardOutput)")
            }
        }
    }
}

extension Workbench {
    /// Trials of a sweep's folder that have ended; 0 while there is no sweep.
    func endedTrialCount(in folder: String) throws -> Int {
        guard self.folder.exists("\(folder)/overrides.yaml") else { return 0 }
        return try list(folder, ["--state", "finished,stopped,failed"]).count
    }

    func trialSeconds(in folder: String) throws -> [Double?] { try list(folder, []).map { $0["seconds"] as? Double } }

    private func list(_ folder: String, _ words: [String]) throws -> [[String: Any]] {
        let result = try run(["sweep", "list", folder, "--json"] + words)
        let document = try JSONSerialization.jsonObject(with: Data(result.standardOutput.utf8)) as? [String: Any]
        guard let trials = document?["trials"] as? [[String: Any]] else { throw TestError("\(result)") }
        return trials
    }
}

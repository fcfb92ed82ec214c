import Foundation
import Testing

extension CommandLineTests {
    @Suite struct Serve {
        /// One request to this machine, written out: (status, body).
        private func get(_ port: Int, _ target: String, method: String = "GET") throws -> (status: Int, body: String) {
            let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(socket) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(port).bigEndian
            address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
            let code = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            guard code == 0 else { throw TestError("port \(port): \(String(cString: strerror(errno)))") }
            let request = Array("\(method) \(target) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
            guard send(socket, request, request.count, 0) == request.count else { throw TestError("cannot send") }
            var answer: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = recv(socket, &buffer, buffer.count, 0)
                guard count > 0 else { break }
                answer += buffer[..<count]
            }
            let text = String(decoding: answer, as: UTF8.self)
            guard let head = text.range(of: "\r\n\r\n"), let status = Int(text.split(separator: " ")[1]) else {
                throw TestError("no answer to \(target): \(text)")
            }
            return (status, String(text[head.upperBound...]))
        }

        private func start(_ bench: Workbench, _ more: [String] = []) throws -> (ChildProcess, port: Int, token: String)
        {
            let child = try bench.start(["serve", "run", "--port", "0"] + more)
            try child.wait(for: "address") { child.standardOutput.hasSuffix("\n") }
            let address = child.standardOutput
            #expect(address.hasPrefix("http://127.0.0.1:"))
            let words = address.dropFirst("http://127.0.0.1:".count).split(separator: "/")
            let token = words[1].dropFirst("?token=".count).dropLast()
            #expect(token.count == 32 && address.count { $0 == "\n" } == 1)
            guard let port = Int(words[0]) else { throw TestError(address) }
            return (child, port, String(token))
        }

        /// Asks as seldom as a browser: whoever asks more spends what the next page needs.
        private func waitForChange(_ child: ChildProcess, _ port: Int, _ token: String, of version: String) throws {
            try child.wait(withinSeconds: 120, for: "other version") {
                if try get(port, "/version?token=\(token)").body != version { return true }
                usleep(1_000_000)
                return false
            }
        }

        @Test(arguments: [SIGINT, SIGTERM]) func showsThePageToWhoKnowsTheToken(signal: Int32) throws {
            let bench = try Workbench()
            _ = try bench.train()
            let (child, port, token) = try start(bench)
            let page = try get(port, "/?token=\(token)")
            #expect(page.status == 200 && page.body.contains("<h1>run</h1>") && page.body.contains("<body data-live="))
            for target in [
                "/", "/version", "/?token=", "/?token=\(token.reversed())", "/?token=\(token)0", "/?x=\(token)",
            ] {
                let answer = try get(port, target)
                #expect(answer.status == 403 && !answer.body.contains("run"), "\(target)")
            }
            #expect(try get(port, "/other?token=\(token)").status == 404)
            #expect(try get(port, "/?token=\(token)", method: "POST").status == 405)
            kill(child.process, signal)
            let result = child.finish(withinSeconds: child.seconds + 20)
            #expect(result.exitCode == 0 && !result.timedOut && result.standardError == "", "\(result)")
        }

        @Test func tellsThatFilesHaveChanged() throws {
            let bench = try Workbench()
            _ = try bench.train()
            let (child, port, token) = try start(bench)
            let version = try get(port, "/version?token=\(token)").body
            #expect(try get(port, "/version?token=\(token)").body == version)
            #expect(try !get(port, "/?token=\(token)").body.contains("summary.json is missing"))
            try FileManager.default.removeItem(atPath: "\(bench.folder.path)/run/summary.json")
            try waitForChange(child, port, token, of: version)
            #expect(try get(port, "/?token=\(token)").body.contains("summary.json is missing"))
            kill(child.process, SIGINT)
            #expect(child.finish(withinSeconds: child.seconds + 20).exitCode == 0)
        }

        /// While the folder is locked, as by a training, nothing is scored.
        @Test func scoresComeWhenTheRunEnds() throws {
            let bench = try Workbench()
            _ = try bench.train()
            let lock = open("\(bench.folder.path)/run/.lock", O_RDWR | O_CLOEXEC)
            #expect(flock(lock, LOCK_EX | LOCK_NB) == 0)
            let (child, port, token) = try start(bench)
            let early = try get(port, "/?token=\(token)").body
            #expect(early.contains("in training") && early.contains("comes when the run ends"))
            #expect(!early.contains("id=\"matrix\"") && early.contains("id=\"training\""))
            let version = try get(port, "/version?token=\(token)").body
            #expect(early.contains("<body data-live=\"\(version)\">"))
            close(lock)
            try waitForChange(child, port, token, of: version)
            let late = try get(port, "/?token=\(token)").body
            #expect(late.contains("id=\"matrix\"") && !late.contains("in training"))
            kill(child.process, SIGINT)
            #expect(child.finish(withinSeconds: child.seconds + 20).exitCode == 0)
        }

        /// The policy of who starts it, so that pages come while all cores train, and niceness for each of its threads.
        @Test func givesWayToTrainings() throws {
            let bench = try Workbench()
            _ = try bench.train()
            let (child, port, token) = try start(bench)
            let folder = "/proc/\(child.process)/task"
            // Threads that an answer has started have theirs at the next.
            try child.wait(for: "niceness") {
                #expect(try get(port, "/?token=\(token)").status == 200)
                let threads = try FileManager.default.contentsOfDirectory(atPath: folder)
                // One may end meanwhile.
                let lines = threads.compactMap { try? String(contentsOfFile: "\(folder)/\($0)/stat", encoding: .utf8) }
                return lines.allSatisfy { line in
                    // From the state on, which is the third: niceness is the 19th, the policy the 41st.
                    let fields = line[(line.lastIndex(of: ")") ?? line.startIndex)...].split(separator: " ")
                    #expect(Int32(fields[39]) == sched_getscheduler(0), "\(line)")
                    return Int(fields[17]) ?? 0 >= 10
                }
            }
            kill(child.process, SIGINT)
            #expect(child.finish(withinSeconds: child.seconds + 20).exitCode == 0)
        }

        @Test func refusals() throws {
            let bench = try Workbench()
            _ = try bench.train()
            let (child, port, _) = try start(bench)
            let taken = try bench.run(["serve", "run", "--port", "\(port)"])
            #expect(taken.exitCode == 73 && taken.standardError.contains("port \(port): is in use"), "\(taken)")
            #expect(taken.standardError.count { $0 == "\n" } == 1 && taken.standardOutput == "")
            let address = try bench.run(["serve", "run", "--host", "nowhere"])
            #expect(address.exitCode == 64 && address.standardError.contains("--host nowhere"), "\(address)")
            let folder = try bench.run(["serve", "none"])
            #expect(folder.exitCode == 66, "\(folder)")
            kill(child.process, SIGINT)
            _ = child.finish(withinSeconds: child.seconds + 20)
        }
    }
}

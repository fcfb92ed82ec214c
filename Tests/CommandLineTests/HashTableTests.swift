import Foundation
import Testing

extension CommandLineTests {
    @Suite struct HashTable {
        @Test(.enabled(if: Program.info.fashionMNIST != nil, "Fashion-MNIST is not installed"))
        func theDocumentStatesTheHashesOfThisProgram() throws {
            let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent().path
            var environment = ProcessInfo.processInfo.environment
            environment["LOCKSTEP_BINARY"] = Program.path
            let child = try ChildProcess(
                "\(repository)/launch/hashes", ["--quick", "--check"], environment: environment,
                folder: TemporaryFolder())
            let result = child.finish(withinSeconds: 180)
            #expect(result.exitCode == 0, "\(result.allOutput)")
        }
    }
}

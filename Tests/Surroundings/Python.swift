import Foundation

/// The interpreter that `LOCKSTEP_TEST_PYTHON` names, or `python3`, if there is one.
package enum Python {
    private static let interpreter = ProcessInfo.processInfo.environment["LOCKSTEP_TEST_PYTHON"] ?? "python3"
    package static let isPresent = succeeds("pass")

    package static func succeeds(_ text: String) -> Bool { (try? run(["-c", text]))?.status == 0 }

    package static func run(_ arguments: [String]) throws -> (status: Int32, output: Data) {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [interpreter] + arguments
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, data)
    }

    /// The path of a script in `Tests/Python`.
    package static func script(_ name: String) -> String {
        URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Python/" + name).path
    }
}

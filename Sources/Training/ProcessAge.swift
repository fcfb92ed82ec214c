import Foundation
import Glibc

/// How long this process has been running.
enum ProcessAge {
    /// Seconds, to the tick of a hundredth in which Linux keeps the start; nil where /proc does not say.
    static var seconds: Double? {
        guard let stat = FileManager.default.contents(atPath: "/proc/self/stat") else { return nil }
        // "pid (name) state …": the start is field 22, and the name may hold parentheses.
        let fields = String(decoding: stat, as: UTF8.self).split(separator: ")").last?.split(separator: " ") ?? []
        var now = timespec()
        guard fields.count > 19, let ticks = Double(fields[19]), clock_gettime(CLOCK_BOOTTIME, &now) == 0 else {
            return nil
        }
        return Double(now.tv_sec) + Double(now.tv_nsec) * 1e-9 - ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}

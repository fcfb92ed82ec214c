import Foundation
import Glibc

/// The niceness of this process, which is Linux's word for it only where each thread has it: libdispatch gives its workers
/// priorities of their own, for the superuser above those of a training.
package enum ServerPriority {
    /// The weight of a tenth beside a thread of ordinary priority. At 19, or in the idle policy, a page would not come while
    /// all cores train.
    package static let niceness: Int32 = 10

    /// Brings all threads that there are to it; those that give way more stay as they are.
    package static func giveWay() {
        let process = Int32(PRIO_PROCESS.rawValue)
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
        for thread in [0] + threads.compactMap({ id_t($0) }) where getpriority(process, thread) < niceness {
            setpriority(process, thread, niceness)
        }
    }
}

import Errors
import Glibc
import Synchronization

/// The page of folders that change: made when it is asked for and something has changed, by one thread, and no more often
/// than a budget of processor time lets it. The first page is not counted: it comes once, and with it what any page needs.
package final class LivePage: Sendable {
    /// Of one core: half of what may be lost to a training whose workers wait for each other.
    package static let processorShare = 0.005

    private let folders: [String]
    private let options: ReportOptions
    private let read: @Sendable () -> ProcessorBudget.Reading
    private let state = Mutex(State())
    /// Held while a page is made: who comes meanwhile waits for it, and takes it.
    private let work = Mutex(Work())

    private struct State {
        /// Nil before the first page.
        var budget: ProcessorBudget?
        /// Of the page that is there.
        var made: String?
        /// The last that a browser was told.
        var told: String?

        /// A page that browsers were told of is made in any case: they would ask for it again and again.
        mutating func mayMake(at now: ProcessorBudget.Reading) -> Bool {
            budget?.allows(at: now) ?? true || told != made
        }
    }

    private struct Work {
        var page: (version: String, html: String)?
        var memory = PageMemory()
    }

    /// - Parameter read: A clock and the processor time of this process.
    package init(
        _ folders: [String], options: ReportOptions,
        read: @escaping @Sendable () -> ProcessorBudget.Reading = LivePage.now
    ) {
        (self.folders, self.options, self.read) = (folders, options, read)
    }

    package static let now: @Sendable () -> ProcessorBudget.Reading = {
        func nanoseconds(_ clock: clockid_t) -> UInt64 {
            var time = timespec()
            clock_gettime(clock, &time)
            return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
        }
        return ProcessorBudget.Reading(
            elapsed: nanoseconds(CLOCK_MONOTONIC), spent: nanoseconds(CLOCK_PROCESS_CPUTIME_ID))
    }

    /// Of the page that `html` gives now: that of the folders, or of the page that is there while the budget is spent.
    package func version() -> String {
        let current = FolderVersion.text(of: folders, trace: options.trace)
        return state.withLock { state in
            let version = state.mayMake(at: read()) ? current : state.made ?? current
            state.told = version
            return version
        }
    }

    /// - Throws: `Failure` as `ReportPage` does.
    package func html() throws -> String {
        try work.withLock { work in
            let current = FolderVersion.text(of: folders, trace: options.trace)
            let mayMake = state.withLock { $0.mayMake(at: read()) }
            if let page = work.page, page.version == current || !mayMake { return page.html }
            var options = options
            options.liveVersion = current
            let html = try ReportPage(folders, options: options, memory: &work.memory).html
            work.page = (current, html)
            state.withLock { state in
                let now = read()
                if state.budget == nil { state.budget = ProcessorBudget(share: Self.processorShare, from: now) }
                _ = state.budget?.allows(at: now)
                (state.made, state.told) = (current, current)
            }
            return html
        }
    }
}

import Errors
import Foundation
import Glibc
import Training

/// Turns signals into requests to a run, on a thread that waits for them, so that nothing happens inside a handler.
///
/// SIGTERM, SIGUSR1, SIGHUP and Ctrl-C save and stop; a second Ctrl-C within 2 s ends at once; SIGUSR2 saves and goes on.
enum SignalWatch {
    private static let stopping = [SIGINT, SIGTERM, SIGHUP, SIGUSR1]

    /// Call it before other threads start: they inherit that the signals are left to this one.
    ///
    /// - Parameters:
    ///   - isAlone: Whether this process is the whole job; otherwise a launcher tells the user.
    ///   - loss: What is lost where it ends at once; nil for what the run itself knows of its last checkpoint.
    static func start(_ control: RunControl, isAlone: Bool, loss: String? = nil) {
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in stopping + [SIGUSR2] { sigaddset(&signals, number) }
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        let set = signals
        let thread = Thread { wait(for: set, control, isAlone: isAlone, loss: loss) }
        thread.name = "signals"
        thread.start()
    }

    private static func wait(for signals: sigset_t, _ control: RunControl, isAlone: Bool, loss known: String?) {
        var signals = signals
        var lastInterrupt: ContinuousClock.Instant?
        while true {
            var number: Int32 = 0
            guard sigwait(&signals, &number) == 0 else { continue }
            if number == SIGUSR2 {
                control.request(.save)
                continue
            }
            let now = ContinuousClock.now
            let isSecond = number == SIGINT && lastInterrupt.map { now - $0 < .seconds(2) } == true
            if number == SIGINT { lastInterrupt = now }
            if isSecond {
                if isAlone { Output.error("lockstep: ended at once; \(known ?? loss(control))") }
                _exit(128 + number)
            }
            if control.position.phase == .waiting {
                if isAlone { Output.error("lockstep: ended before training had begun; nothing was written") }
                _exit(128 + number)
            }
            if isAlone && !control.isStopping && number == SIGINT {
                Output.error("lockstep: stopping after this step; Ctrl-C again within 2 s ends at once")
            }
            control.request(.stop)
        }
    }

    private static func loss(_ control: RunControl) -> String {
        let position = control.position
        guard let saved = position.savedStep else { return "no checkpoint was written, so all is lost" }
        let steps = position.step - saved
        return steps > 0
            ? "\(Text.plural(steps, "step")) since the checkpoint of step \(saved) are lost" : "nothing is lost"
    }
}

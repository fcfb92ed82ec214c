import Testing

/// Commands of the built program, one test after the other: most of them use all cores.
@Suite(.serialized, .timeLimit(.minutes(10)))
enum CommandLineTests {}

/// Jobs that are stopped, killed, started again or divided, one after the other, beside the commands: they wait more than they
/// compute.
@Suite(.serialized, .timeLimit(.minutes(10)))
enum JobTests {}

/// Many short trainings whose bits are compared, one after the other, beside the commands and the jobs.
@Suite(.serialized, .timeLimit(.minutes(10)))
enum ComparedRunTests {}

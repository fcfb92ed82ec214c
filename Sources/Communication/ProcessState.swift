import Glibc

/// A process's state as Linux writes it (R, S, D, T for stopped, t for stopped by a debugger, Z, X); nil where it does not
/// exist or cannot be seen.
func processState(_ process: pid_t) -> Character? {
    guard let file = fopen("/proc/\(process)/stat", "r") else { return nil }
    defer { fclose(file) }
    var line = [UInt8](repeating: 0, count: 256)
    let count = fread(&line, 1, line.count, file)
    // "pid (name) state …"; the name may hold parentheses.
    guard let end = line[..<count].lastIndex(of: UInt8(ascii: ")")), end + 2 < count else { return nil }
    return Character(UnicodeScalar(line[end + 2]))
}

/// Finds what a user may have meant.
package enum Spelling {
    /// The nearest of `names` that is at most two edits away; case and punctuation do not count.
    package static func nearest(to text: String, in names: [String]) -> String? {
        func plain(_ text: String) -> [Character] { text.lowercased().filter { $0.isLetter || $0.isNumber } }
        let typed = plain(text)
        let distances = names.map { (name: $0, distance: editDistance(typed, plain($0))) }
        guard let nearest = distances.min(by: { $0.distance < $1.distance }), nearest.distance <= 2 else { return nil }
        return nearest.name
    }

    /// Levenshtein's distance, with a swap of neighbours counted once.
    static func editDistance(_ a: [Character], _ b: [Character]) -> Int {
        var table = [[Int]](repeating: [Int](repeating: 0, count: b.count + 1), count: a.count + 1)
        for i in 0...a.count { table[i][0] = i }
        for j in 0...b.count { table[0][j] = j }
        for i in a.indices {
            for j in b.indices {
                let substitution = table[i][j] + (a[i] == b[j] ? 0 : 1)
                table[i + 1][j + 1] = min(table[i][j + 1] + 1, table[i + 1][j] + 1, substitution)
                if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                    table[i + 1][j + 1] = min(table[i + 1][j + 1], table[i - 1][j - 1] + 1)
                }
            }
        }
        return table[a.count][b.count]
    }
}

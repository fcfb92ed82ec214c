/// A part of a page with a heading, which the contents link to.
struct PageSection: Sendable {
    let title: String
    let id: String
    let content: HTML

    init(_ title: String, id: String, _ content: HTML) {
        (self.title, self.id, self.content) = (title, id, content)
    }

    var html: HTML {
        "<section id=\"\(id)\" aria-labelledby=\"\(id)-title\"><h2 id=\"\(id)-title\">\(title)</h2>\n\(content)\n</section>\n"
    }
}

/// The whole document: one file that asks for nothing else.
struct PageDocument {
    let title: String
    /// Below the title.
    let lead: HTML
    let problems: [String]
    let sections: [PageSection]
    /// Rules of this page's pictures.
    var style: HTML = ""
    /// The numbers, as JSON.
    let figures: String
    /// Of a page that asks its server for another version.
    var liveVersion: String?
    var command = "lockstep report"

    var html: HTML {
        let links: [HTML] = sections.map { "<li><a href=\"#\($0.id)\">\($0.title)</a></li>" }
        let missing: HTML =
            problems.isEmpty
            ? ""
            : """
            <section id="problems" class="problems" aria-labelledby="problems-title"><h2 id="problems-title">What is missing\
            </h2><ul>\(problems.map { "<li>\($0)</li>" as HTML })</ul></section>

            """
        let policy =
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
            + "form-action 'none'" + (liveVersion == nil ? "" : "; connect-src 'self'")
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" content="\(HTML.trusted(policy))">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta name="referrer" content="no-referrer">
            <link rel="icon" href="data:,">
            <title>\(title) · Lockstep</title>
            <style>
            \(HTML.trusted(pageStyle))\(style)
            </style>
            </head>
            <body\(liveVersion.map { " data-live=\"\($0)\"" as HTML })>
            <a class="skip" href="#content">Skip to the content</a>
            <header><h1>\(title)</h1>\(lead)</header>
            <nav aria-label="Contents"><ul>\(links)</ul></nav>
            <main id="content" tabindex="-1">
            \(missing)\(sections.map(\.html))</main>
            <footer><p>Made by <code>\(command)</code>. The page is one file and asks for nothing else; its numbers are \
            in it as JSON (<code>#figures</code>).</p></footer>
            <script type="application/json" id="figures">\(HTML.json(figures))</script>
            <script>
            \(HTML.trusted(pageScript))\(liveVersion == nil ? "" : HTML.trusted(livePageScript))
            </script>
            </body>
            </html>

            """
    }
}

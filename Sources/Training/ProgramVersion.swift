/// What this version is called; docs and checkpoints say it too.
package let programVersion = "0.1.0"

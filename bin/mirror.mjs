#!/usr/bin/env node
// Plain JavaScript that any Node.js from 18 on can read: it finds (or installs) the runtime that runs the rest.
import { launch } from '../launcher/launch.mjs'

process.exitCode = await launch(process.argv.slice(2))

// SPDX-License-Identifier: GPL-2.0-only
// Before the first paint: the theme that was chosen here, so that nothing flashes.
"use strict";
try {
	const theme = localStorage.getItem("portwatch.theme");
	if (theme === "light" || theme === "dark")
		document.documentElement.dataset.theme = theme;
} catch {
	// Storage may be forbidden; then the system's theme it is.
}

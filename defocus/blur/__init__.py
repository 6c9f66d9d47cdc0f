"""Measures of blur, each once: gradient energy, fine detail, edges, diameters, a learned map."""

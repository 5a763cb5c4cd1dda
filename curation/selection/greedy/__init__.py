"""The greedy choice by a product of objectives: its definition, and a program that finds the same picks sooner."""
